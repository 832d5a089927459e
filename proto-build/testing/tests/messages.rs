//! Messages beside the plain ones of proto3: proto2, the well-known types, other codecs; and the descriptors.

use proto_build_testing::loopback::Loopback;
use proto_build_testing::{known, old, other, plain};
use proto_core::prost::Message;
use proto_core::prost_types::{Any, FileDescriptorSet, Timestamp};
use proto_core::rpc::{Receiver, Request, Response, Sender};
use proto_core::{Code, Status};

type Reply<M> = Result<Response<M>, Status>;

#[test]
fn proto2_has_required_fields_and_defaults() {
    struct Old;
    impl old::blocking::Old for Old {
        fn ask(&self, question: Request<old::Question>) -> Reply<old::Answer> {
            assert_eq!((question.text.as_str(), question.times()), ("why", 3));
            Ok(old::Answer { mood: None }.into())
        }
    }
    let client = old::OldClient::new(Loopback::new(old::OldServer::blocking(Old)));
    let question = old::Question { text: "why".into(), times: None, marks: vec![1, 2] };
    assert_eq!(client.ask(question).unwrap().mood(), old::answer::Mood::Good);
}

#[test]
fn well_known_types_are_plain_values_or_come_from_proto_core() {
    struct Known;
    impl known::blocking::Known for Known {
        fn nothing(&self, _: Request<()>) -> Reply<()> {
            Ok(().into())
        }
        fn now(&self, _: Request<()>) -> Reply<Timestamp> {
            Ok(Timestamp { seconds: 5, nanos: 0 }.into())
        }
        fn length(&self, text: Request<String>) -> Reply<u32> {
            u32::try_from(text.len()).map(Response::new).map_err(|e| Status::out_of_range(e.to_string()))
        }
        fn pack(&self, requests: &mut Receiver<Vec<u8>>, replies: &mut Sender<Any>) -> Result<(), Status> {
            requests.try_for_each(|r| replies.send(Any { type_url: "bytes".into(), value: r? }))
        }
    }
    let client = known::KnownClient::new(Loopback::new(known::KnownServer::blocking(Known)));
    client.nothing(()).unwrap().into_inner();
    assert_eq!(client.now(()).unwrap().seconds, 5);
    assert_eq!(*client.length(String::from("four")).unwrap(), 4);
    let mut call = client.pack();
    call.send(vec![1, 2]).unwrap();
    assert_eq!(call.replies().pop().unwrap().unwrap().value, [1, 2]);
    let event = known::Event { at: Some(Timestamp::default()), what: None };
    assert_eq!(event.encode_to_vec(), [10, 0]);
}

#[test]
fn a_codec_is_chosen_for_a_method_and_stubs_answer_for_the_others() {
    struct Notes;
    impl other::plain::blocking::Notes for Notes {
        fn echo(&self, note: Request<plain::Note>) -> Reply<plain::Note> {
            Ok(plain::Note { text: format!("{}!", note.text) }.into())
        }
    }
    let client = other::plain::NotesClient::new(Loopback::new(other::plain::NotesServer::blocking(Notes)));
    assert_eq!(client.echo(plain::Note { text: "abc".into() }).unwrap().text, "abc!");
    let status = client.count(other::plain::Counted::default()).unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(status.message(), "/Notes/Count is not implemented by this server");
    // The codec writes upside down.
    let mut bytes = Vec::new();
    (other::plain::methods::notes::ECHO.encode_request)(&plain::Note { text: "abc".into() }, &mut bytes).unwrap();
    assert_eq!(bytes, b"cba");
}

#[test]
fn options_for_messages_have_their_effect() {
    let counted = other::plain::Counted { data: vec![1].into(), words: [("a".to_owned(), 1)].into() };
    // Bytes are shared, the map is ordered and shown as one, and `Eq` and `PartialOrd` were asked for.
    let data: proto_core::prost::bytes::Bytes = counted.data.clone();
    let words: std::collections::BTreeMap<String, i32> = counted.words.clone();
    assert_eq!((data.len(), words.len()), (1, 1));
    assert!(counted >= other::plain::Counted::default());
    assert_eq!(format!("{counted:?}"), r#"Counted { data: b"\x01", words: {"a": 1} }"#);
}

#[test]
fn the_descriptors_are_there_with_their_imports() {
    let set = FileDescriptorSet::decode(proto_build_testing::FILE_DESCRIPTOR_SET).unwrap();
    let files: Vec<_> = set.file.iter().map(|f| f.name()).collect();
    for name in ["hello.proto", "common/money.proto", "google/protobuf/any.proto"] {
        assert!(files.contains(&name), "{name} in {files:?}");
    }
    assert_eq!(proto_core::include_file_descriptor_set!().len(), proto_build_testing::FILE_DESCRIPTOR_SET.len());
}
