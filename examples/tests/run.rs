//! Every example runs, ends by itself with success, and prints what it is there to show.

#[allow(dead_code)]
mod support;

use rt_common_testing::proxy;
use support::{prints, program, run, serve};

/// What the calls of `hello` print, blocking and awaited alike.
const HELLO: [&str; 15] = [
    "1. Unary",
    "<- Hello, Ada!",
    "2. Server streaming",
    "<- Hello 1, Bob!",
    "<- Hello 3, Bob!",
    "3. Client streaming",
    "<- Hello, Ada, Bob, Cleo!",
    "4. Bidirectional",
    "-> Dora",
    "<- Hello, Dora!",
    "-> Emil",
    "<- Hello, Emil!",
    "5. A deadline",
    "<- DEADLINE_EXCEEDED",
    "the client:  CANCELLED",
];

#[test]
fn hello_shows_the_four_shapes_a_deadline_and_a_cancel_blocking_and_awaited() {
    let mut lines = vec!["The server listens on 127.0.0.1:", "Blocking:"];
    lines.extend(HELLO);
    lines.extend(["the handler: CANCELLED", "Awaited, on smol"]);
    lines.extend(HELLO);
    lines.extend(["the handler: CANCELLED", "The server has stopped"]);
    prints("hello", &lines);
}

#[test]
fn hello_async_shows_the_same_with_handlers_that_are_futures() {
    let mut lines = vec!["The server listens on 127.0.0.1:"];
    lines.extend(HELLO);
    lines.extend(["the handler: dropped where it waited", "The server has stopped"]);
    prints("hello-async", &lines);
}

#[test]
fn auth_shows_what_every_call_passes() {
    prints(
        "auth",
        &[
            "Ada says hello to Bob",
            "for those who are known",
            "2 calls went through",
            "UNAUTHENTICATED: nobody has this token",
            "UNAUTHENTICATED: no token: metadata \"authorization\" is missing",
        ],
    );
}

#[test]
fn hello_client_calls_hello_server() {
    let (_server, address) = serve("hello-server", &["--listen", "127.0.0.1:0"]);
    let mut client = program("hello-client");
    client.args(["--target", &address, "--name", "Ada"]);
    assert_eq!(run(client), "Hello, Ada!\n");
}

#[test]
fn hello_client_goes_through_the_proxy_that_its_environment_names() {
    let (_server, address) = serve("hello-server", &["--listen", "127.0.0.1:0"]);
    let (proxy, requests) = proxy::proxy(address.parse().expect("an address"), "HTTP/1.1 200 OK\r\n\r\n");
    let client = |target: &str, proxy: &str| {
        let mut client = program("hello-client");
        for name in ["grpc_proxy", "no_grpc_proxy", "no_proxy", "NO_PROXY"] {
            client.env_remove(name);
        }
        client.env("https_proxy", proxy).args(["--target", target, "--name", "Ada"]);
        client
    };
    assert_eq!(run(client("greeter.invalid:50051", &format!("http://{proxy}"))), "Hello, Ada!\n");
    let head = requests.recv().expect("the proxy was asked");
    assert!(head.starts_with("CONNECT greeter.invalid:50051 HTTP/1.1\r\n"), "{head}");
    // What is on this machine is reached without it.
    assert_eq!(run(client(&address, "http://no-such-proxy.invalid:3128")), "Hello, Ada!\n");
}

#[test]
fn route_guide_shows_the_four_shapes_with_data() {
    prints(
        "route-guide",
        &[
            "Zurich is at 47.3769 N 8.5417 E",
            "NOT_FOUND: nothing at 0.0000 N 0.0000 E",
            "ListFeatures",
            "Lyon",
            "Prague",
            "12 points, 12 on the map",
            "said before: good bread",
            "said before: good bread",
            "said before: no beach",
        ],
    );
}

#[test]
fn chat_pushes_what_one_says_to_the_others() {
    prints(
        "chat",
        &[
            "Ada hears room: welcome, Ada",
            "Bob hears room: welcome, Bob",
            "Ada hears Bob: (comes in)",
            "Cleo hears room: welcome, Cleo",
            "Ada says: Has anybody seen the cat?",
            "Bob hears Ada: Has anybody seen the cat?",
            "Bob hears Ada: It is grey.",
            "Ada hears Bob: It sits on the keyboard.",
            "Cleo hears Ada: It is grey.",
            "Cleo hears Bob: It sits on the keyboard.",
            "Cleo hears Bob: (leaves)",
            "Cleo leaves",
        ],
    );
}

#[test]
fn metadata_goes_both_ways() {
    prints(
        "metadata",
        &[
            "handler: ada calls /hello.v1.HelloService/SayHello, trace [0, 1, 255]",
            "x-server: Some(\"example\")",
            "x-trace-bin, in the trailers: Some([0, 1, 255])",
            "x-count, before the first reply: Some(\"2\")",
            "Hello 2, Cleo!",
            "x-cost, after the last one: Some(\"3\")",
            "INVALID_ARGUMENT: greeting is empty; x-hint: Some(\"try a name\")",
            "UNAUTHENTICATED: x-caller is missing",
            "x-Größe",
            "grpc-timeout",
        ],
    );
}

#[test]
fn deadline_reaches_every_link_of_the_chain() {
    prints(
        "deadline",
        &[
            "the client got: everything has an answer",
            "A had a deadline, and saw: OK",
            "B had a deadline, and saw: OK",
            "C had a deadline, and saw: OK",
            "the client got: DEADLINE_EXCEEDED",
            "A had a deadline, and saw: ",
            "B had a deadline, and saw: ",
            "C had a deadline, and saw: ",
        ],
    );
}

#[test]
fn cancel_reaches_the_handler_each_way() {
    prints(
        "cancel",
        &[
            "handler: Ada has come",
            "client:  CANCELLED",
            "handler: Ada is over: CANCELLED",
            "client:  again",
            "handler: Bob is over: CANCELLED",
            "handler: Cleo has come",
            "handler: Cleo is over: CANCELLED",
        ],
    );
}

#[test]
fn later_has_many_calls_on_one_thread() {
    prints(
        "later",
        &[
            "-> clouds",
            "All three are on their way",
            "<- art has an answer",
            "<- birds has an answer",
            "<- clouds has an answer",
            "at once:      no answer yet",
            "after 50 ms:  no answer yet",
            "with company: dance has an answer",
        ],
    );
}

#[test]
fn errors_say_whose_verdict_and_whether_to_retry() {
    prints(
        "errors",
        &[
            "INVALID_ARGUMENT: text is empty",
            "whose verdict: Peer",
            "The handler panics:",
            "UNKNOWN",
            "The server does not have the service:",
            "UNIMPLEMENTED",
            "larger than 4 MiB:",
            "RESOURCE_EXHAUSTED",
            "The deadline passes:",
            "DEADLINE_EXCEEDED",
            "Metadata that no header can carry:",
            "two words",
            "Nobody listens there:",
            "UNAVAILABLE",
            "can be sent again: true",
            "Targets that cannot be meant:",
            "ftp",
            "localhost",
            "99999",
        ],
    );
}

/// Finds the bug, and replays it by the seed that it prints.
fn simulation(name: &str) {
    prints(name, &["found: seed ", &format!("again: cargo run --example {name} -- "), "nobody is greeted twice"]);
    let out = run(program(name));
    let found = out.lines().find_map(|line| line.strip_prefix("found: ")).expect("it is printed");
    let seed = found.strip_prefix("seed ").and_then(|rest| rest.split(',').next()).expect("it names the seed");
    let mut replay = program(name);
    replay.arg(seed);
    assert!(run(replay).starts_with(found), "the same seed is the same run");
}

#[test]
fn a_simulation_finds_a_planted_bug_and_replays_it() {
    simulation("simulation");
}

#[test]
fn an_async_simulation_finds_a_planted_bug_and_replays_it() {
    simulation("simulation-async");
}

#[test]
fn shutdown_lets_calls_end_and_cuts_what_is_left() {
    prints(
        "shutdown",
        &[
            "a grace of 60 s",
            "the call that ran: answered while the server was stopping",
            "the server:",
            "a new call:        UNAVAILABLE",
            "a grace of 100 ms",
            "the call that ran: ",
            "the server:",
            "a new call:        UNAVAILABLE",
        ],
    );
}

#[test]
fn testing_needs_no_socket() {
    prints(
        "testing",
        &[
            "unary: a request, a context, a reply",
            "a deadline",
            "server streaming",
            "client streaming",
            "the whole way of a call, without a socket",
        ],
    );
}

#[test]
fn two_connections_in_memory_make_a_minute_pass_in_no_time() {
    prints(
        "in-memory",
        &[
            "after 0ns: Hello 1, Ada!",
            "after 0ns: Hello 3, Ada!",
            "after 20s: DEADLINE_EXCEEDED",
            "after 80s: Hello, patience!",
        ],
    );
}

#[test]
fn a_game_ticks_and_its_calls_are_answered_some_frames_later() {
    prints("game-loop", &["Hello 1, Ada!", "Hello 3, Ada!", "Hello, Bob!", "DEADLINE_EXCEEDED"]);
}

#[test]
fn a_loop_of_completions_hands_its_buffers_over_and_gets_them_back() {
    prints(
        "completion",
        &["Hello, Ada!", "[\"Hello 1, Bob!\", \"Hello 2, Bob!\", ", "a reply of 3145736 bytes", "DEADLINE_EXCEEDED"],
    );
}

#[test]
fn a_library_of_no_runtime_runs_on_three() {
    let evening =
        ["Hello, Ada!", "Hello 1, Bob! Hello 2, Bob! Hello 3, Bob!", "Hello, Cleo, Dora!", "DeadlineExceeded"];
    let mut lines = Vec::new();
    for runtime in ["blocking", "async, on smol", "once a frame"] {
        lines.push(runtime);
        lines.extend(evening);
    }
    prints("sdk", &lines);
}

#[test]
fn chat_async_members_leave_when_their_calls_are_dropped() {
    prints(
        "chat-async",
        &[
            "Ada hears room: welcome, Ada",
            "Bob hears Cleo: (comes in)",
            "Ada says: It is grey.",
            "Bob hears Ada: It is grey.",
            "Cleo hears Ada: It is grey.",
            "Ada's call is dropped",
            "Bob hears Ada: (leaves)",
            "Cleo hears Ada: (leaves)",
            "Cleo hears Bob: (leaves)",
        ],
    );
}

#[test]
fn cancel_async_shows_that_dropping_is_cancelling() {
    prints(
        "cancel-async",
        &[
            "handler: tortoise has come",
            "handler: hare has come",
            "client:  hare has an answer",
            "handler: tortoise was dropped where it waited",
            "client:  None",
            "handler: silence has come",
            "handler: silence was dropped",
            "handler: patience has come",
            "client:  CANCELLED",
            "handler: patience was dropped",
        ],
    );
}

#[test]
fn deadline_async_travels_along_the_chain() {
    prints(
        "deadline-async",
        &[
            "the client got: everything has an answer",
            "A saw: OK",
            "B saw: OK",
            "C saw: OK",
            "the client got: DEADLINE_EXCEEDED",
            "A saw: ",
            "B saw: ",
            "C saw: ",
        ],
    );
}

#[test]
fn tls_is_a_stage_of_a_loop_too_and_its_handlers_see_certificates() {
    prints("tls-loop", &["TLSv1_3: Ada, you show 1 certificate"]);
}
