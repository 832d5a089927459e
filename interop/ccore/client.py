"""The cases of this folder, run by gRPC's C core (grpcio) against the TestService at an address.

    python client.py --target 127.0.0.1:PORT [--case NAME]

Prints a line for each case and closes with "N passed, N failed"; exits 1 when one failed.
interop/src/cases holds the same cases for our client.
"""

import argparse
import os
import queue
import sys
import traceback
from concurrent import futures

import grpc

import test_pb2 as pb
import test_pb2_grpc as rpc

# Longer than any case takes; a call that reaches it has hung.
LIMIT = 30
# gRPC's default limit on a received message, inclusive.
MESSAGE_LIMIT = 4 * 1024 * 1024
SPECIAL_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608, 100 %\t\n"

CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def equal(what, got, wanted):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


def payload(size):
    return pb.Payload(body=bytes(size))


def wish(*sizes, interval_us=0, **more):
    """A request for replies of these sizes."""
    parameters = [pb.ResponseParameters(size=s, interval_us=interval_us) for s in sizes]
    return pb.StreamingOutputCallRequest(response_parameters=parameters, **more)


def values(metadata, name):
    return [v for k, v in metadata or () if k == name]


def failure(call):
    """Waits for a call that must fail, and returns its error."""
    try:
        for _ in call:
            pass
    except grpc.RpcError as error:
        return error
    raise AssertionError("the call ended OK")


def unary_failure(method, *args, **options):
    try:
        method(*args, timeout=LIMIT, **options)
    except grpc.RpcError as error:
        return error
    raise AssertionError("the call ended OK")


def how_it_ended(stub, key):
    """What the server says of the watched call: its handler must have noticed."""
    _, call = stub.EmptyCall.with_call(pb.Empty(), metadata=[("x-test-ended", key)], timeout=LIMIT)
    return values(call.trailing_metadata(), "x-test-ended")


def watch_key():
    return f"python-{os.getpid()}-{os.urandom(4).hex()}"


@case
def empty_unary(stub, channel):
    equal("reply", stub.EmptyCall(pb.Empty(), timeout=LIMIT), pb.Empty())


@case
def large_unary(stub, channel):
    reply = stub.UnaryCall(pb.SimpleRequest(response_size=314159, payload=payload(271828)), timeout=LIMIT)
    equal("body", reply.payload.body, bytes(314159))


@case
def server_streaming(stub, channel):
    sizes = [31415, 9, 2653, 58979]
    replies = stub.StreamingOutputCall(wish(*sizes), timeout=LIMIT)
    equal("sizes", [len(r.payload.body) for r in replies], sizes)


@case
def client_streaming(stub, channel):
    requests = (pb.StreamingInputCallRequest(payload=payload(s)) for s in [27182, 8, 1828, 45904])
    reply = stub.StreamingInputCall(requests, timeout=LIMIT)
    equal("sum", reply.aggregated_payload_size, 74922)


class Requests:
    """An iterator of requests that the test feeds one by one."""

    def __init__(self):
        self.pending = queue.Queue()

    def send(self, request):
        self.pending.put(request)

    def finish(self):
        self.pending.put(None)

    def __iter__(self):
        return iter(self.pending.get, None)


@case
def ping_pong(stub, channel):
    requests = Requests()
    call = stub.FullDuplexCall(iter(requests), timeout=LIMIT)
    for size, body in [(31415, 27182), (9, 8), (2653, 1828), (58979, 45904)]:
        requests.send(wish(size, payload=payload(body)))
        equal("size", len(next(call).payload.body), size)
    requests.finish()
    equal("replies after the last", list(call), [])


@case
def empty_stream(stub, channel):
    equal("replies", list(stub.FullDuplexCall(iter([]), timeout=LIMIT)), [])


@case
def many_small_messages(stub, channel):
    sizes = [i % 7 for i in range(5000)]
    replies = stub.FullDuplexCall(iter([wish(*sizes[:2500]), wish(*sizes[2500:])]), timeout=LIMIT)
    equal("sizes", [len(r.payload.body) for r in replies], sizes)


@case
def metadata(stub, channel):
    # Every length modulo 3, hence every padding of base64, and every byte.
    binary = [bytes(range(256)), b"\xab\xab\xab", b"\x00", b"\xff\xfe"]
    sent = [("x-grpc-test-echo-initial", v) for v in ["test_initial_metadata_value", "a second, with a comma"]]
    sent += [("x-grpc-test-echo-trailing-bin", v) for v in binary]

    def check(call):
        equal("initial", values(call.initial_metadata(), sent[0][0]), [v for _, v in sent[:2]])
        equal("trailing", values(call.trailing_metadata(), "x-grpc-test-echo-trailing-bin"), binary)

    _, call = stub.UnaryCall.with_call(pb.SimpleRequest(response_size=1), metadata=sent, timeout=LIMIT)
    check(call)
    _, call = stub.StreamingInputCall.with_call(iter([]), metadata=sent, timeout=LIMIT)
    check(call)
    for call in [
        stub.StreamingOutputCall(wish(1), metadata=sent, timeout=LIMIT),
        stub.FullDuplexCall(iter([wish(1)]), metadata=sent, timeout=LIMIT),
    ]:
        equal("replies", len(list(call)), 1)
        check(call)
    # And beside an error.
    request = pb.SimpleRequest(response_status=pb.EchoStatus(code=9, message="with metadata"))
    error = unary_failure(stub.UnaryCall, request, metadata=sent)
    check(error)


@case
def status_code_and_message(stub, channel):
    wanted = pb.EchoStatus(code=2, message="test status message")
    error = unary_failure(stub.UnaryCall, pb.SimpleRequest(response_status=wanted))
    equal("unary", (error.code(), error.details()), (grpc.StatusCode.UNKNOWN, wanted.message))
    # The server ends the call while the client could still send.
    requests = Requests()
    call = stub.FullDuplexCall(iter(requests), timeout=LIMIT)
    requests.send(wish(response_status=wanted))
    error = failure(call)
    requests.finish()
    equal("bidi", (error.code(), error.details()), (grpc.StatusCode.UNKNOWN, wanted.message))


@case
def every_status_code(stub, channel):
    for code in grpc.StatusCode:
        number = code.value[0]
        if number == 0:
            continue
        wanted = pb.EchoStatus(code=number, message=f"code {number}")
        error = unary_failure(stub.UnaryCall, pb.SimpleRequest(response_status=wanted))
        equal("status", (error.code(), error.details()), (code, wanted.message))


@case
def special_status_message(stub, channel):
    wanted = pb.EchoStatus(code=2, message=SPECIAL_MESSAGE)
    error = unary_failure(stub.UnaryCall, pb.SimpleRequest(response_status=wanted))
    equal("status", (error.code(), error.details()), (grpc.StatusCode.UNKNOWN, SPECIAL_MESSAGE))


@case
def status_details(stub, channel):
    # google.rpc.Status { code: 3, message: "bad", details: [Any { type_url: "t/x", value: 0x08 0x01 }] }
    details = b"\x08\x03\x12\x03bad\x1a\x09\x0a\x03t/x\x12\x02\x08\x01"
    wanted = pb.EchoStatus(code=3, message="bad")
    sent = [("x-test-details-bin", details)]
    error = unary_failure(stub.UnaryCall, pb.SimpleRequest(response_status=wanted), metadata=sent)
    equal("code", error.code(), grpc.StatusCode.INVALID_ARGUMENT)
    equal("details", values(error.trailing_metadata(), "grpc-status-details-bin"), [details])


@case
def unimplemented_method(stub, channel):
    error = unary_failure(stub.UnimplementedCall, pb.Empty())
    equal("code", error.code(), grpc.StatusCode.UNIMPLEMENTED)


@case
def unimplemented_service(stub, channel):
    error = unary_failure(rpc.UnimplementedServiceStub(channel).UnimplementedCall, pb.Empty())
    equal("code", error.code(), grpc.StatusCode.UNIMPLEMENTED)


@case
def deadline_reaches_the_server(stub, channel):
    _, call = stub.EmptyCall.with_call(pb.Empty(), metadata=[("x-test-time-left", "1")], timeout=LIMIT)
    (left,) = values(call.trailing_metadata(), "x-test-time-left-ms")
    # A sender may round a timeout up, as C core does.
    if not 0 < int(left) <= 2 * LIMIT * 1000:
        raise AssertionError(f"the server has {left} ms left of {LIMIT} s")
    _, call = stub.EmptyCall.with_call(pb.Empty(), metadata=[("x-test-time-left", "1")])
    equal("without a deadline", values(call.trailing_metadata(), "x-test-time-left-ms"), ["none"])


@case
def timeout_on_sleeping_server(stub, channel):
    key = watch_key()
    requests = Requests()
    call = stub.FullDuplexCall(iter(requests), timeout=0.3, metadata=[("x-test-watch", key)])
    requests.send(wish(1, interval_us=60_000_000, payload=payload(27182)))
    error = failure(call)
    requests.finish()
    equal("code", error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
    equal("the handler's view", how_it_ended(stub, key), ["cancelled"])


@case
def cancel_after_begin(stub, channel):
    requests = Requests()
    call = stub.StreamingInputCall.future(iter(requests), timeout=LIMIT)
    call.cancel()
    requests.finish()
    equal("code", call.code(), grpc.StatusCode.CANCELLED)


@case
def cancel_after_first_response(stub, channel):
    key = watch_key()
    requests = Requests()
    call = stub.FullDuplexCall(iter(requests), timeout=LIMIT, metadata=[("x-test-watch", key)])
    requests.send(wish(31415, payload=payload(27182)))
    equal("size", len(next(call).payload.body), 31415)
    requests.send(wish(1, interval_us=60_000_000))
    call.cancel()
    equal("code", failure(call).code(), grpc.StatusCode.CANCELLED)
    requests.finish()
    equal("the handler's view", how_it_ended(stub, key), ["cancelled"])


def body_for(message_size):
    """The body of a payload, so that the message that holds nothing else has this size."""
    body = message_size - 10
    equal("size", pb.SimpleResponse(payload=payload(body)).ByteSize(), message_size)
    return body


@case
def four_megabytes(stub, channel):
    # Exactly the limit, in each direction of each shape.
    body = body_for(MESSAGE_LIMIT)
    reply = stub.UnaryCall(pb.SimpleRequest(response_size=body), timeout=LIMIT)
    equal("down", len(reply.payload.body), body)
    # The request's own fields other than the payload are zero, hence absent.
    reply = stub.UnaryCall(pb.SimpleRequest(payload=payload(body)), timeout=LIMIT)
    equal("up", len(reply.payload.body), 0)
    big = [pb.StreamingInputCallRequest(payload=payload(body))] * 3
    equal("sum", stub.StreamingInputCall(iter(big), timeout=LIMIT).aggregated_payload_size, 3 * body)
    replies = stub.StreamingOutputCall(wish(body, body, body), timeout=LIMIT)
    equal("sizes", [len(r.payload.body) for r in replies], [body] * 3)
    up = wish(4_000_000, payload=payload(4_000_000))
    replies = stub.FullDuplexCall(iter([up, up]), timeout=LIMIT)
    equal("sizes", [len(r.payload.body) for r in replies], [4_000_000] * 2)


@case
def message_over_the_limit(stub, channel):
    body = body_for(MESSAGE_LIMIT + 1)
    error = unary_failure(stub.UnaryCall, pb.SimpleRequest(response_size=body))
    equal("down", error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
    error = unary_failure(stub.UnaryCall, pb.SimpleRequest(payload=payload(body)))
    equal("up", error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
    # The connection is still of use.
    stub.EmptyCall(pb.Empty(), timeout=LIMIT)


@case
def concurrent_unary(stub, channel):
    def one(i):
        reply = stub.UnaryCall(pb.SimpleRequest(response_size=i, payload=payload(1000 - i)), timeout=LIMIT)
        return len(reply.payload.body)

    with futures.ThreadPoolExecutor(max_workers=16) as pool:
        equal("sizes", list(pool.map(one, range(1000))), list(range(1000)))


def connect(args):
    if not args.ca_file:
        return grpc.insecure_channel(args.target)
    with open(args.ca_file, "rb") as roots:
        credentials = grpc.ssl_channel_credentials(roots.read())
    options = [("grpc.ssl_target_name_override", args.server_host_override)] if args.server_host_override else None
    return grpc.secure_channel(args.target, credentials, options)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", required=True)
    parser.add_argument("--case", choices=CASES, help="this one only")
    parser.add_argument("--ca_file", help="who has signed the server's certificate, PEM; TLS then")
    parser.add_argument("--server_host_override", help="the name that the certificate is for")
    args = parser.parse_args()
    failed = 0
    chosen = [args.case] if args.case else list(CASES)
    with connect(args) as channel:
        stub = rpc.TestServiceStub(channel)
        for name in chosen:
            try:
                CASES[name](stub, channel)
                print(f"ok      {name}", flush=True)
            except Exception as error:
                failed += 1
                print(f"FAILED  {name}: {str(error) or type(error).__name__}", flush=True)
                if not isinstance(error, AssertionError):
                    traceback.print_exc()
    print(f"{len(chosen) - failed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
