//! What metadata keeps, refuses and looks like on the wire.

use super::*;
use std::format;
use std::string::{String, ToString};
use std::vec;

fn fields(metadata: &Metadata) -> Vec<(String, String)> {
    let mut out = Vec::new();
    metadata.for_each_field(&mut Vec::new(), |name, value, _| {
        out.push((String::from_utf8(name.to_vec()).unwrap(), String::from_utf8_lossy(value).into_owned()));
    });
    out
}

#[test]
fn values_keep_their_order_within_a_name() {
    let mut metadata = Metadata::new();
    for (name, value) in [("a", "1"), ("b", "2"), ("a", "3"), ("A", "4")] {
        metadata.insert(name, value).unwrap();
    }
    assert_eq!(metadata.get_all("a").collect::<Vec<_>>(), ["1", "3", "4"]);
    assert_eq!(metadata.get("a"), Some("1"));
    assert_eq!(metadata.iter().map(|(n, _)| n).collect::<Vec<_>>(), ["a", "b", "a", "a"]);
}

#[test]
fn names_outside_the_alphabet_are_refused_by_name() {
    for bad in ["", "a b", "a:b", "é", "a\n", "x@y", "a/b"] {
        let error = Metadata::new().insert(bad, "v").unwrap_err();
        assert_eq!(error, MetadataError::Name { name: bad.into() });
        assert!(error.to_string().contains(&format!("{bad:?}")));
    }
}

#[test]
fn reserved_names_are_refused() {
    for name in [
        ":path",
        ":x",
        "te",
        "TE",
        "content-type",
        "user-agent",
        "grpc-encoding",
        "grpc-message-type",
        "grpc-message",
        "grpc-status",
        "grpc-timeout",
        "grpc-anything",
        "Grpc-Status",
        "grpc-x-bin",
        "connection",
        "host",
        "transfer-encoding",
        "content-length",
    ] {
        let expected = MetadataError::Reserved { name: name.into() };
        assert_eq!(Metadata::new().insert(name, "v"), Err(expected.clone()));
        assert_eq!(Metadata::new().insert_bin(name, b"v"), Err(expected));
    }
    assert_eq!(Metadata::new().insert("grpcfoo", "v"), Ok(()));
}

#[test]
fn values_that_http_allows_are_accepted_and_others_named() {
    let mut metadata = Metadata::new();
    metadata.insert("a", "tab\there, ~ and é").unwrap();
    metadata.insert("a", "  outer space goes \t").unwrap();
    metadata.insert("a", "").unwrap();
    assert_eq!(metadata.get_all("a").collect::<Vec<_>>(), ["tab\there, ~ and é", "outer space goes", ""]);
    for bad in ["a\r\nb: c", "\0", "a\x7f", "\x1b[0m"] {
        let error = metadata.insert("x-log", bad).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("\"x-log\"") && text.contains(&format!("{bad:?}")) && text.contains("expected"),
            "{text}"
        );
    }
    assert_eq!(metadata.len(), 3);
}

#[test]
fn text_and_bytes_are_kept_apart_by_the_name() {
    let mut metadata = Metadata::new();
    assert_eq!(metadata.insert("x-bin", "text"), Err(MetadataError::Kind { name: "x-bin".into() }));
    assert_eq!(metadata.insert_bin("x", b"bytes"), Err(MetadataError::Kind { name: "x".into() }));
    metadata.insert_bin("x-bin", b"bytes").unwrap();
    assert_eq!(metadata.get("x-bin"), None);
    assert_eq!(metadata.get_bin("x-bin"), Some(&b"bytes"[..]));
    assert_eq!(metadata.get_raw("x-bin"), Some(&b"bytes"[..]));
}

#[test]
fn binary_values_leave_as_unpadded_base64() {
    let mut metadata = Metadata::new();
    metadata.insert_bin("x-bin", &[0xab; 4]).unwrap();
    metadata.insert_bin("x-bin", &[]).unwrap();
    assert_eq!(fields(&metadata), [("x-bin".into(), "q6urqw".into()), ("x-bin".into(), String::new())]);
}

#[test]
fn padded_and_unpadded_base64_is_accepted_and_commas_split_first() {
    let mut metadata = Metadata::new();
    for value in ["q6urqw==", "q6urqw", "AQ==,Ag, Aw== ", ""] {
        metadata.append_received(b"x-bin", value.as_bytes(), false).unwrap();
    }
    let expected: [&[u8]; 6] = [&[0xab; 4], &[0xab; 4], &[1], &[2], &[3], &[]];
    assert_eq!(metadata.get_all_bin("x-bin").collect::<Vec<_>>(), expected);
}

#[test]
fn invalid_base64_is_an_error_and_leaves_nothing_behind() {
    let mut metadata = Metadata::new();
    for bad in ["q6u*", "A", "AQ=A", "AQ,é"] {
        metadata.clear();
        assert_eq!(metadata.append_received(b"x-bin", bad.as_bytes(), false), Err(InvalidBase64), "{bad}");
    }
    metadata.append_received(b"y", b"1", false).unwrap();
    assert_eq!(metadata.get("y"), Some("1"));
}

#[test]
fn received_names_and_values_are_taken_as_they_come() {
    let mut metadata = Metadata::new();
    metadata.append_received(b"grpc-trace", b" a, b\xff ", false).unwrap();
    assert_eq!(metadata.get("grpc-trace"), None, "not UTF-8");
    assert_eq!(metadata.get_raw("grpc-trace"), Some(&b"a, b\xff"[..]));
}

#[test]
fn remove_takes_every_value_of_a_name() {
    let mut metadata = Metadata::new();
    for (name, value) in [("a", "1"), ("b", "2"), ("a", "3")] {
        metadata.insert(name, value).unwrap();
    }
    assert_eq!(metadata.remove("A"), 2);
    assert_eq!(metadata.remove("a"), 0);
    assert_eq!(fields(&metadata), [("b".into(), "2".into())]);
}

#[test]
fn extend_appends_and_equality_is_by_content() {
    let mut a = Metadata::new();
    a.insert("x", "1").unwrap();
    let mut b = Metadata::new();
    b.insert("y", "2").unwrap();
    b.extend(&a);
    assert_eq!(b.iter().map(|(n, _)| n).collect::<Vec<_>>(), ["y", "x"]);
    b.remove("y");
    assert_eq!(a, b);
}

#[test]
fn clear_keeps_the_memory() {
    let mut metadata = Metadata::new();
    assert_eq!(metadata.memory(), 0);
    metadata.insert("a-rather-long-name", "with a value").unwrap();
    let memory = metadata.memory();
    metadata.clear();
    assert!(metadata.is_empty());
    assert_eq!(metadata.memory(), memory);
}

#[test]
fn header_maps_convert_both_ways() {
    let mut metadata = Metadata::new();
    metadata.insert("a", "1").unwrap();
    metadata.insert("a", "2").unwrap();
    metadata.insert_bin("t-bin", &[0xff, 0]).unwrap();
    metadata.insert_sensitive("authorization", "Bearer x").unwrap();
    let map = http::HeaderMap::from(&metadata);
    assert_eq!(map.get_all("a").iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>(), vec!["1", "2"]);
    assert_eq!(map["t-bin"], "/wA");
    assert!(map["authorization"].is_sensitive());
    let back = Metadata::try_from(&map).unwrap();
    assert_eq!(back.get_bin("t-bin"), Some(&[0xff, 0][..]));
    assert_eq!(back.len(), 4);
}

#[test]
fn a_header_map_with_a_reserved_name_or_bad_base64_is_refused() {
    let mut map = http::HeaderMap::new();
    map.insert("te", "trailers".parse().unwrap());
    assert_eq!(Metadata::try_from(&map), Err(MetadataError::Reserved { name: "te".into() }));
    map.clear();
    map.insert("x-bin", "***".parse().unwrap());
    assert_eq!(Metadata::try_from(&map), Err(MetadataError::Value { name: "x-bin".into(), value: "***".into() }));
}

#[test]
fn debug_shows_everything_but_secrets() {
    let mut metadata = Metadata::new();
    metadata.insert("a", "1").unwrap();
    metadata.insert_bin("t-bin", &[1, 0xff]).unwrap();
    metadata.insert_sensitive("authorization", "Bearer x").unwrap();
    assert_eq!(format!("{metadata:?}"), r#"{"a": "1", "t-bin": 01ff, "authorization": (sensitive)}"#);
}

#[test]
fn the_header_list_size_counts_base64_and_overhead() {
    let mut metadata = Metadata::new();
    metadata.insert("ab", "cde").unwrap();
    metadata.insert_bin("t-bin", &[0; 4]).unwrap();
    assert_eq!(metadata.header_list_size(), 2 + 3 + 32 + 5 + 6 + 32);
}
