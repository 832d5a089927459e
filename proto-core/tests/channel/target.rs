//! What a target may be, and what is said of one that it may not be.

use crate::world::tcp;
use proto_core::channel::{Address, Target, TargetProblem};
use proto_core::grpc::{Code, Local, Origin, Seen, Status};

#[test]
fn targets_with_a_name_are_resolved() {
    for (text, scheme, host, port, authority) in [
        ("localhost:50051", "http", "localhost", 50051, "localhost:50051"),
        ("http://localhost:50051", "http", "localhost", 50051, "localhost:50051"),
        ("HTTP://localhost:50051/", "http", "localhost", 50051, "localhost:50051"),
        ("https://api.example:443", "https", "api.example", 443, "api.example:443"),
        ("dns:///db_1.example.:1", "http", "db_1.example.", 1, "db_1.example.:1"),
        ("dns:db:65535", "http", "db", 65535, "db:65535"),
        ("dns:50051", "http", "dns", 50051, "dns:50051"),
        ("host:0080", "http", "host", 80, "host:80"),
        ("7:80", "http", "7", 80, "7:80"),
        ("[fe80::1%eth0]:80", "http", "fe80::1%eth0", 80, "[fe80::1]:80"),
    ] {
        let target = Target::parse(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((target.scheme(), target.is_secure()), (scheme, scheme == "https"), "{text}");
        assert_eq!((target.host(), target.port()), (Some(host), Some(port)), "{text}");
        assert_eq!((target.authority(), target.literal()), (authority, None), "{text}");
        assert_eq!(target.to_string(), text);
        assert_eq!(text.parse(), Ok(target));
    }
}

#[test]
fn targets_that_are_addresses_need_no_resolving() {
    for (text, host, address, authority) in [
        ("127.0.0.1:50051", "127.0.0.1", "127.0.0.1:50051", "127.0.0.1:50051"),
        ("http://10.0.0.7:1/", "10.0.0.7", "10.0.0.7:1", "10.0.0.7:1"),
        ("https://10.0.0.7:443", "10.0.0.7", "10.0.0.7:443", "10.0.0.7:443"),
        ("[::1]:50051", "::1", "[::1]:50051", "[::1]:50051"),
        ("http://[2001:db8::7]:80", "2001:db8::7", "[2001:db8::7]:80", "[2001:db8::7]:80"),
        ("[fe80::1%3]:80", "fe80::1%3", "[fe80::1%3]:80", "[fe80::1]:80"),
    ] {
        let target = Target::parse(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((target.host(), target.literal()), (Some(host), Some(&tcp(address))), "{text}");
        assert_eq!(target.authority(), authority, "{text}");
    }
}

#[test]
fn unix_targets_are_paths() {
    for (text, path) in [
        ("unix:run/app.sock", "run/app.sock"),
        ("unix:/run/app.sock", "/run/app.sock"),
        ("unix:///run/app.sock", "/run/app.sock"),
        ("UNIX:///a b?c#d@e", "/a b?c#d@e"),
    ] {
        let target = Target::parse(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(target.literal(), Some(&Address::Unix(path.to_owned())), "{text}");
        assert_eq!((target.scheme(), target.authority()), ("http", "localhost"));
        assert_eq!((target.host(), target.port()), (None, None));
    }
}

#[test]
fn a_bad_target_gives_an_error_that_names_it_and_what_was_expected() {
    let forms = "expected host:port, http://host:port, https://host:port, dns:///host:port, unix:path";
    for (text, problem) in [
        ("ftp://x", format!(r#"unknown scheme "ftp"; {forms}"#)),
        ("xds:///service:80", format!(r#"unknown scheme "xds"; {forms}"#)),
        ("", format!("no host; {forms}")),
        (":50051", format!("no host; {forms}")),
        ("http://", format!("no host; {forms}")),
        ("https://:443", format!("no host; {forms}")),
        ("localhost", r#"no port; expected one, as in "localhost:50051""#.to_owned()),
        ("localhost:", r#"no port; expected one, as in "localhost:50051""#.to_owned()),
        ("https://api.example/", r#"no port; expected one, as in "api.example:50051""#.to_owned()),
        ("[::1]", r#"no port; expected one, as in "[::1]:50051""#.to_owned()),
        ("[::1]:", r#"no port; expected one, as in "[::1]:50051""#.to_owned()),
        ("host:99999", r#""99999" is no port; expected a number from 1 to 65535"#.to_owned()),
        ("host:0", r#""0" is no port; expected a number from 1 to 65535"#.to_owned()),
        ("host:+80", r#""+80" is no port; expected a number from 1 to 65535"#.to_owned()),
        ("ftp:x", r#""x" is no port; expected a number from 1 to 65535"#.to_owned()),
        ("::1", r#"an IPv6 address without brackets; expected "[::1]:port""#.to_owned()),
        ("unix:", "no path; expected unix:path or unix:///absolute/path".to_owned()),
        ("unix://", "no path; expected unix:path or unix:///absolute/path".to_owned()),
        (
            "unix://run/app.sock",
            r#""run" where a Unix socket has no host; expected unix:path or unix:///absolute/path"#.to_owned(),
        ),
        (
            "dns://8.8.8.8/host:80",
            r#""8.8.8.8" names a DNS server, which is not supported; expected dns:///host:port"#.to_owned(),
        ),
        ("http://host:80/path", r#"a path ("/path") after the port; expected nothing there"#.to_owned()),
        ("http:/host:80", r#"one slash after "http:"; expected "http://host:port""#.to_owned()),
        ("HTTPS:/host", r#"one slash after "HTTPS:"; expected "HTTPS://host:port""#.to_owned()),
        ("host:80/", r#"a path ("/") after the port; expected nothing there"#.to_owned()),
        ("http://host:80?a=b", r#"a query ("?a=b") after the port; expected nothing there"#.to_owned()),
        ("http://host:80#top", r##"a fragment ("#top") after the port; expected nothing there"##.to_owned()),
    ] {
        let error = Target::parse(text).unwrap_err();
        assert_eq!(error.target(), text);
        assert_eq!(error.to_string(), format!("target {text:?}: {problem}"));
    }
}

#[test]
fn what_neither_name_nor_address_can_be_is_no_host() {
    let long_label = format!("{}:80", "a".repeat(64));
    let long_name = format!("{}a:80", "a.".repeat(127));
    for text in [
        "bücher.example:80",
        "a b:80",
        "a..b:80",
        ".:80",
        "host\r\n:80",
        "%41:80",
        "10.0.0.256:80",
        "10.1:80",
        "a:b:80",
        "[host]:80",
        "[::1:80",
        "[::1]80",
        "[127.0.0.1]:80",
        "[fe80::1%]:80",
        "[fe80::1%a/b]:80",
        "[fe80::1%99999999999]:80",
        &long_label,
        &long_name,
    ] {
        let error = Target::parse(text).unwrap_err();
        let expected = matches!(error.problem(), TargetProblem::Host(_))
            || matches!(error.problem(), TargetProblem::Unexpected { part: "a path", .. });
        assert!(expected, "{error}");
    }
}

#[test]
fn the_password_in_a_target_does_not_appear_in_the_error() {
    let error = Target::parse("https://ada:secret@host:443").unwrap_err();
    assert_eq!(error.problem(), &TargetProblem::UserInfo);
    assert!(!format!("{error} {error:?}").contains("secret"));
    assert_eq!(error.to_string(), r#"target "...@host:443": user info before the host; expected host:port alone"#);
}

#[test]
fn a_bad_target_as_a_status_is_the_callers_mistake_and_never_left() {
    let error = Target::parse("host:99999").unwrap_err();
    let status = Status::from(error.clone());
    assert_eq!((status.code(), status.seen_by_server()), (Code::InvalidArgument, Seen::No));
    assert_eq!(status.origin(), Origin::Local(Local::BadRequest));
    assert_eq!(status.message(), error.to_string());
    assert_eq!(status.source().map(ToString::to_string), Some(error.to_string()));
}

#[test]
fn no_text_makes_the_parser_panic() {
    let pieces =
        ["http", "unix", "dns", ":", "/", "//", "[", "]", "%", "@", "?", "#", "1", "99999", "::1", "h", ".", "é", ""];
    for first in pieces {
        for second in pieces {
            for third in pieces {
                for fourth in pieces {
                    let text = [first, second, third, fourth].concat();
                    if let Ok(target) = Target::parse(&text) {
                        assert_eq!(target.to_string(), text);
                        assert!(target.literal().is_some() || target.host().is_some_and(|host| !host.is_empty()));
                        assert!(target.port() != Some(0));
                    }
                }
            }
        }
    }
}
