//! The frames of http2jp's http2-frame-test-case: single frames with their decoded form, and frames that must be refused with
//! the right codes. They are no part of the repository (CONTRIBUTING.md says how to run these tests).

use super::*;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::fs;
use std::path::PathBuf;

fn corpus() -> PathBuf {
    let root = std::env::var_os("CORPORA").expect("CORPORA names the folder with the corpora");
    PathBuf::from(root).join("http2-frames")
}

fn stories(folder: PathBuf) -> Vec<(String, String)> {
    let entries = fs::read_dir(&folder).expect("the corpus is readable");
    let mut stories: Vec<_> = entries
        .map(|entry| entry.expect("the corpus is readable").path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).expect("the corpus is readable")))
        .collect();
    stories.sort();
    stories
}

/// What stands behind `"key":`, up to the end of its line or list. The corpus is flat enough for that.
fn value<'a>(story: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = story.split_once(&format!("\"{key}\":"))?;
    let rest = rest.trim_start();
    if rest.starts_with('[') {
        return rest.split_once("],").map(|(list, _)| list).or_else(|| rest.split_once(']').map(|(list, _)| list));
    }
    let end = rest.find(['\n', ',']).unwrap_or(rest.len());
    Some(rest[..end].trim())
}

fn text<'a>(story: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = story.split_once(&format!("\"{key}\":"))?;
    rest.trim_start().strip_prefix('"')?.split('"').next()
}

fn number(story: &str, key: &str) -> u32 {
    value(story, key).and_then(|v| v.parse().ok()).unwrap_or_else(|| panic!("no number {key} in {story}"))
}

fn wire(story: &str) -> Vec<u8> {
    let hex = text(story, "wire").expect("every story has a wire");
    (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hex")).collect()
}

fn check(name: &str, story: &str, bytes: &[u8]) {
    let (frame, len) = parse(bytes, DEFAULT_MAX_FRAME_SIZE).expect(name).expect(name);
    assert_eq!(len, bytes.len(), "{name}");
    let head = Head::read(bytes).expect(name);
    assert_eq!(
        (head.len, u32::from(head.kind), u32::from(head.flags), head.stream),
        (number(story, "length"), number(story, "type"), number(story, "flags"), number(story, "stream_identifier")),
        "{name}"
    );
    let fragment = || text(story, "header_block_fragment").unwrap_or("").as_bytes();
    let padding = value(story, "padding_length").and_then(|v| v.parse::<usize>().ok());
    match frame {
        Frame::Data(data) => {
            assert_eq!(data.data, text(story, "data").expect(name).as_bytes(), "{name}");
            let overhead = padding.map_or(0, |n| n + 1);
            assert_eq!(data.flow_len as usize, data.data.len() + overhead, "{name}");
        }
        Frame::Headers(headers) => {
            assert_eq!(headers.fragment, fragment(), "{name}");
            match headers.dependency {
                Some(dependency) => dependency_is(dependency, name, story),
                None => assert_eq!(value(story, "weight"), Some("null"), "{name}"),
            }
        }
        Frame::Priority(priority) => dependency_is(priority.dependency, name, story),
        Frame::RstStream(reset) => assert_eq!(reset.code, number(story, "error_code"), "{name}"),
        Frame::Settings(settings) => {
            let (_, list) = story.split_once("\"settings\":").expect(name);
            let list = list.split('}').next().expect(name);
            let numbers: Vec<u32> =
                list.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
            let read: Vec<u32> = settings.iter().flat_map(|(id, value)| [u32::from(id), value]).collect();
            assert_eq!(read, numbers, "{name}");
        }
        Frame::PushPromise(promise) => {
            assert_eq!(promise.fragment, fragment(), "{name}");
            assert_eq!(promise.promised, number(story, "promised_stream_id"), "{name}");
        }
        Frame::Ping(ping) => assert_eq!(ping.payload, text(story, "opaque_data").expect(name).as_bytes(), "{name}"),
        Frame::GoAway(goaway) => {
            assert_eq!(goaway.code, number(story, "error_code"), "{name}");
            assert_eq!(goaway.last_stream, number(story, "last_stream_id"), "{name}");
            assert_eq!(goaway.debug, text(story, "additional_debug_data").expect(name).as_bytes(), "{name}");
        }
        Frame::WindowUpdate(update) => assert_eq!(update.increment, number(story, "window_size_increment"), "{name}"),
        Frame::Continuation(more) => assert_eq!(more.fragment, fragment(), "{name}"),
        Frame::Unknown(_) => panic!("{name}: unknown"),
    }
}

/// The corpus counts weights from 1, the wire from 0.
fn dependency_is(dependency: Dependency, name: &str, story: &str) {
    assert_eq!(dependency.on, number(story, "stream_dependency"), "{name}");
    assert_eq!(u32::from(dependency.weight) + 1, number(story, "weight"), "{name}");
    assert_eq!(Some(dependency.exclusive.to_string().as_str()), value(story, "exclusive"), "{name}");
}

#[test]
#[ignore = "wants CORPORA"]
fn the_corpus_of_good_frames_is_read_as_it_says() {
    let mut seen = 0;
    for folder in fs::read_dir(corpus()).expect("the corpus is readable") {
        let folder = folder.expect("the corpus is readable").path();
        if !folder.is_dir() || folder.ends_with("error") {
            continue;
        }
        for (name, story) in stories(folder) {
            check(&name, &story, &wire(&story));
            seen += 1;
        }
    }
    assert!(seen >= 10, "only {seen} stories");
}

#[test]
#[ignore = "wants CORPORA"]
fn the_corpus_of_bad_frames_is_refused_with_the_right_codes() {
    let stories = stories(corpus().join("error"));
    assert!(stories.len() >= 20, "only {} stories", stories.len());
    for (name, story) in stories {
        let codes = value(&story, "error").expect(&name);
        let codes: Vec<u32> = codes.split(|c: char| !c.is_ascii_digit()).filter_map(|w| w.parse().ok()).collect();
        let wire = wire(&story);
        let error = parse(&wire, DEFAULT_MAX_FRAME_SIZE).expect(&name).expect_err(&name);
        assert!(codes.contains(&error.code.to_wire()), "{name}: {error:?} instead of {codes:?}");
    }
}
