//! Header blocks by other encoders, and header lists for ours: http2jp's hpack-test-case. They are no part of the repository
//! (CONTRIBUTING.md says how to run these tests).

use crate::json::Json;
use crate::{Pair, encode, hex, pair, pairs};
use proto_core::hpack::{Decoder, Encoder, HeaderList};
use std::path::{Path, PathBuf};

/// Nothing in the corpora comes near.
const LIST_LIMIT: usize = 1 << 20;

fn folder(name: &str) -> PathBuf {
    let root = std::env::var_os("CORPORA").expect("CORPORA names the folder with the corpora");
    PathBuf::from(root).join("hpack").join(name)
}

fn stories(folder: &Path) -> Vec<(PathBuf, Json)> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    paths.into_iter().map(|path| (path.clone(), Json::parse(&std::fs::read_to_string(path).unwrap()))).collect()
}

fn headers(case: &Json) -> Vec<Pair> {
    let fields = case.get("headers").expect("headers").items().iter();
    fields.map(|field| pair(&field.members()[0].0, field.members()[0].1.text())).collect()
}

fn decode_all(name: &str) {
    let folder = folder(name);
    let mut list = HeaderList::new();
    let mut blocks = 0;
    for (path, story) in stories(&folder) {
        let mut decoder = Decoder::new(4096, LIST_LIMIT);
        for case in story.get("cases").expect("cases").items() {
            if let Some(size) = case.get("header_table_size") {
                decoder.set_max_table_size(size.number());
            }
            let wire = hex(case.get("wire").expect("wire").text());
            decoder.decode(&wire, &mut list).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(pairs(&list), headers(case), "{}", path.display());
            blocks += 1;
        }
    }
    println!("{name}: {blocks} blocks decoded");
    assert!(blocks > 0);
}

#[test]
#[ignore = "wants CORPORA"]
fn blocks_of_nghttp2_decode() {
    decode_all("nghttp2");
}

#[test]
#[ignore = "wants CORPORA"]
fn blocks_of_nghttp2_that_change_the_table_size_decode() {
    decode_all("nghttp2-change-table-size");
}

#[test]
#[ignore = "wants CORPORA"]
fn blocks_of_go_decode() {
    decode_all("go-hpack");
}

#[test]
#[ignore = "wants CORPORA"]
fn our_encoder_round_trips_the_raw_stories() {
    let folder = folder("raw-data");
    let mut list = HeaderList::new();
    let (mut plain, mut encoded) = (0, 0);
    for (path, story) in stories(&folder) {
        let (mut encoder, mut decoder) = (Encoder::new(4096), Decoder::new(4096, LIST_LIMIT));
        for case in story.get("cases").expect("cases").items() {
            let fields = headers(case);
            let block = encode(&mut encoder, &fields);
            decoder.decode(&block, &mut list).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(pairs(&list), fields, "{}", path.display());
            plain += fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
            encoded += block.len();
        }
    }
    println!("raw stories: {plain} octets to {encoded}, {:.1} %", 100.0 * encoded as f64 / plain as f64);
    // Mixed web traffic, full of cookies, which we never index. It must not come out larger than it went in.
    assert!(encoded < plain);
}
