//! Names that mean something in Rust or in generated code, packages and imports.

use proto_build_testing::common::v1::Money;
use proto_build_testing::loopback::Loopback;
use proto_build_testing::loopback_async::{AsyncLoopback, run};
use proto_build_testing::names::v1 as names;
use proto_build_testing::{shop, r#type};
use proto_core::rpc::{AsyncService, BlockingService, Receiver, Request, Response, Sender};
use proto_core::{Code, Status};

type Reply<M> = Result<Response<M>, Status>;

struct Words;

fn answer(method: &str, request: &names::Result) -> Reply<names::Option> {
    Ok(names::Option { value: format!("{method} {}", request.value) }.into())
}

impl names::blocking_::Words for Words {
    fn r#type(&self, request: Request<names::Result>) -> Reply<names::Option> {
        answer("type", &request)
    }
    fn self_(&self, request: Request<names::Result>) -> Reply<names::Option> {
        answer("self", &request)
    }
    fn new_(&self, request: Request<names::Result>) -> Reply<names::Option> {
        answer("new", &request)
    }
    fn clone_(&self, request: Request<names::Result>) -> Reply<names::Option> {
        answer("clone", &request)
    }
    fn on_call_(&self, request: Request<names::Result>) -> Reply<names::Option> {
        answer("on_call", &request)
    }
    fn r#async(
        &self,
        requests: &mut Receiver<names::Result>,
        replies: &mut Sender<names::Option>,
    ) -> Result<(), Status> {
        requests.try_for_each(|request| replies.send(answer("async", &request?)?.into_inner()))
    }
    fn r#gen(&self, request: Request<names::Result>) -> Reply<names::Option> {
        answer("gen", &request)
    }
    fn get_foo(&self, _: Request<names::Vec>) -> Reply<names::String> {
        Ok(names::String { value: "GetFoo".into() }.into())
    }
    fn get_foo_(&self, _: Request<names::Vec>) -> Reply<names::String> {
        Ok(names::String { value: "getFoo".into() }.into())
    }
    fn stream_in(&self, requests: &mut Receiver<names::F>) -> Reply<names::T> {
        let value = requests.map(|r| r.map(|r| r.value)).sum::<Result<i32, _>>()?;
        Ok(names::T { value }.into())
    }
    fn stream_in_with(&self, _: Request<names::Send>) -> Reply<names::blocking::Inner> {
        Ok(names::blocking::Inner::default().into())
    }
    fn info(&self, _: Request<names::Ok>) -> Reply<names::Box> {
        Ok(names::Box {}.into())
    }
}

fn request(value: &str) -> names::Result {
    names::Result { value: value.into() }
}

#[test]
fn keywords_and_clashing_names_are_escaped_and_called() {
    let words = names::WordsClient_::new(Loopback::new(names::WordsServer_::blocking(Words)));
    // `clone` and `new` are still those of every Rust type.
    let words = words.clone();
    assert_eq!(words.r#type(request("x")).unwrap().value, "type x");
    assert_eq!(words.self_(request("x")).unwrap().value, "self x");
    assert_eq!(words.new_(request("x")).unwrap().value, "new x");
    assert_eq!(words.clone_(request("x")).unwrap().value, "clone x");
    assert_eq!(words.on_call_(request("x")).unwrap().value, "on_call x");
    assert_eq!(words.r#gen(request("x")).unwrap().value, "gen x");
    assert_eq!(words.get_foo(names::Vec::default()).unwrap().value, "GetFoo");
    assert_eq!(words.get_foo_(names::Vec::default()).unwrap().value, "getFoo");
    let mut call = words.r#async();
    call.send(request("x")).unwrap();
    assert_eq!(call.replies().pop().unwrap().unwrap().value, "async x");
    let mut call = words.stream_in_with_(Default::default());
    call.send(names::F { value: 3 }).unwrap();
    call.send(names::F { value: 4 }).unwrap();
    assert_eq!(call.finish().unwrap().value, 7);
    assert!(words.stream_in_with(names::Send {}).unwrap().outer.is_none());
    let _ = words.info(names::Ok {}).unwrap();
}

#[test]
fn a_service_may_share_its_rust_name_with_a_message_or_be_empty() {
    struct All;
    impl names::blocking_::T for All {
        fn call(&self, request: Request<names::T>) -> Reply<names::T> {
            Ok(request.into_inner().into())
        }
    }
    impl names::blocking_::LowerCase for All {
        fn call_it(&self, request: Request<names::F>) -> Reply<names::F> {
            Ok(request.into_inner().into())
        }
    }
    impl names::blocking_::Nothing for All {}
    let t = names::TClient::new(Loopback::new(names::TServer::blocking(All)));
    assert_eq!(t.call(names::T { value: 5 }).unwrap().value, 5);
    let lower = names::LowerCaseClient::new(Loopback::new(names::LowerCaseServer::blocking(All)));
    assert_eq!(lower.call_it(names::F { value: 6 }).unwrap().value, 6);
    let server = names::NothingServer::blocking(All);
    assert_eq!((server.info().name, (server.info().find)(b"Call")), ("names.v1.Nothing", None));
}

#[test]
fn an_async_trait_gives_way_to_a_message_of_its_name() {
    struct All;
    impl names::T_ for All {
        async fn call(&self, request: Request<names::T>) -> Reply<names::T> {
            Ok(request.into_inner().into())
        }
    }
    impl names::LowerCase for All {
        async fn call_it(&self, request: Request<names::F>) -> Reply<names::F> {
            Ok(request.into_inner().into())
        }
    }
    impl names::Nothing for All {}
    let t = names::TClient::new(AsyncLoopback::new(names::TServer::new(All)));
    assert_eq!(run(t.call(names::T { value: 5 })).unwrap().unwrap().value, 5);
    let lower = names::LowerCaseClient::new(AsyncLoopback::new(names::LowerCaseServer::new(All)));
    assert_eq!(run(lower.call_it(names::F { value: 6 })).unwrap().unwrap().value, 6);
    let server = names::NothingServer::new(All);
    let status = run(AsyncService::call(&server, 0, Default::default())).unwrap().1.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}

#[test]
fn the_table_has_the_names_of_the_proto_file() {
    let info = names::WordsServer_::blocking(Words).info();
    let methods: Vec<_> = info.methods.iter().map(|m| m.name).collect();
    assert_eq!(&methods[..5], ["Type", "Self", "New", "Clone", "OnCall"]);
    assert_eq!((info.find)(b"GetFoo"), Some(7));
    assert_eq!((info.find)(b"getFoo"), Some(8));
    assert_eq!((info.find)(b"get_foo"), None);
    assert_eq!(names::methods::words::TYPE.path, "/names.v1.Words/Type");
    assert_eq!(names::methods::words::INFO.path, "/names.v1.Words/Info");
    assert_eq!(names::methods::words::INFO_.name, "names.v1.Words");
}

#[test]
fn files_of_one_package_share_a_module_and_packages_use_each_other() {
    struct Shop;
    impl shop::v1::blocking::Orders for Shop {
        fn add(&self, line: Request<shop::v1::order::Line>) -> Reply<Money> {
            Ok(Money { cents: i64::from(line.count) * 100 }.into())
        }
        fn watch(&self, _: Request<Money>, orders: &mut Sender<shop::v1::Order>) -> Result<(), Status> {
            orders.send(shop::v1::Order { state: shop::v1::State::Open.into(), ..Default::default() })
        }
    }
    impl shop::v1::blocking::Stock for Shop {
        fn take(&self, order: Request<shop::v1::Order>) -> Reply<shop::v1::order::Line> {
            order.lines.first().cloned().map(Response::new).ok_or_else(|| Status::not_found("no line"))
        }
    }
    impl shop::v1::methods::blocking::Below for Shop {
        fn up(&self, _: Request<shop::v1::Order>) -> Reply<shop::v1::order::Line> {
            Ok(shop::v1::order::Line::default().into())
        }
    }
    let orders = shop::v1::OrdersClient::new(Loopback::new(shop::v1::OrdersServer::blocking(Shop)));
    let line = shop::v1::order::Line { article: "tea".into(), count: 2 };
    assert_eq!(orders.add(line.clone()).unwrap().cents, 200);
    assert_eq!(orders.watch(Money::default()).pop().unwrap().unwrap().state(), shop::v1::State::Open);
    let stock = shop::v1::StockClient::new(Loopback::new(shop::v1::StockServer::blocking(Shop)));
    let order = shop::v1::Order { lines: vec![line], ..Default::default() };
    assert_eq!(stock.take(order).unwrap().article, "tea");
    assert_eq!(stock.take(shop::v1::Order::default()).unwrap_err().code(), Code::NotFound);
    // The module of the descriptors gives way to the package `shop.v1.methods`.
    let below = shop::v1::methods::BelowClient::new(Loopback::new(shop::v1::methods::BelowServer::blocking(Shop)));
    assert_eq!(below.up(shop::v1::Order::default()).unwrap().count, 0);
    assert_eq!(shop::v1::methods_::stock::TAKE.path, "/shop.v1.Stock/Take");
}

#[test]
#[allow(deprecated)]
fn a_package_of_keywords_and_deprecated_things_work() {
    use r#type::r#async as docs;
    struct Docs;
    impl docs::blocking::Docs for Docs {
        fn old(&self, note: Request<docs::Note>) -> Reply<docs::Note> {
            Ok(note.into_inner().into())
        }
        fn plain(&self, note: Request<docs::Note>) -> Reply<docs::Note> {
            Ok(note.into_inner().into())
        }
    }
    let client = docs::DocsClient::new(Loopback::new(docs::DocsServer::blocking(Docs)));
    assert_eq!(client.old(docs::Note { text: "x".into() }).unwrap().text, "x");
    assert_eq!(docs::methods::docs::OLD.path, "/type.async.Docs/Old");
}
