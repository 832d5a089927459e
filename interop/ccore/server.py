"""grpc.testing.TestService on gRPC's C core (grpcio): the peer that our client is tested against.

Listens on a free loopback port, prints "listening on HOST:PORT", and ends by itself after --for SECONDS.
What it echoes stands in interop/proto/test.proto.
"""

import argparse
import threading
from concurrent import futures

import grpc

import orca_pb2
import orca_service_pb2_grpc
import test_pb2 as pb
import test_pb2_grpc as rpc

# A call that nobody ended within this time, in seconds, is reported as "running".
WATCH_LIMIT = 10
# In seconds.
SHORTLY = 0.3
# In seconds; no call here has that long.
A_YEAR = 365 * 24 * 3600


class Ends:
    """How the calls that somebody watches have ended."""

    def __init__(self):
        self.changed = threading.Condition()
        self.ended = {}

    def record(self, key, how):
        with self.changed:
            self.ended.setdefault(key, how)
            self.changed.notify_all()

    def wait(self, key):
        with self.changed:
            self.changed.wait_for(lambda: key in self.ended, WATCH_LIMIT)
            return self.ended.get(key, "running")


def value_of(context, name):
    """The first value of a name in the request's metadata, or None."""
    return next((v for k, v in context.invocation_metadata() if k == name), None)


def load_report(wanted):
    return orca_pb2.OrcaLoadReport(
        cpu_utilization=wanted.cpu_utilization,
        mem_utilization=wanted.memory_utilization,
        request_cost=wanted.request_cost,
        utilization=wanted.utilization,
    )


class OpenRcaService(orca_service_pb2_grpc.OpenRcaServiceServicer):
    """Reports, as long as somebody listens, what the TestService was told last."""

    def __init__(self):
        self.report = orca_pb2.OrcaLoadReport()

    def StreamCoreMetrics(self, request, context):
        over = threading.Event()
        if not context.add_callback(over.set):
            return
        interval = request.report_interval.ToTimedelta().total_seconds() or 1
        while True:
            yield self.report
            if over.wait(interval):
                return


class TestService(rpc.TestServiceServicer):
    """The handlers. UnimplementedCall is left to the base class, which refuses it."""

    def __init__(self, load):
        self.ends = Ends()
        self.load = load

    def begin(self, context):
        """Echoes metadata and watches the call; returns the event that is set when the call is over."""
        over = threading.Event()
        key = value_of(context, "x-test-watch")

        def ended():
            # The first record wins, and finish() comes before a completed call's end; before `over`, since a handler that
            # it wakes may come to its finish().
            if key is not None:
                self.ends.record(key, "cancelled")
            over.set()

        if not context.add_callback(ended):
            ended()
        echo = context.invocation_metadata()
        initial = [(k, v) for k, v in echo if k == "x-grpc-test-echo-initial"]
        if initial:
            context.send_initial_metadata(initial)
        context.set_trailing_metadata([(k, v) for k, v in echo if k == "x-grpc-test-echo-trailing-bin"])
        return over

    def finish(self, context, over):
        key = value_of(context, "x-test-watch")
        # The requests of a cancelled call may just end, in grpcio, shortly before it says that the call was cancelled.
        if key is not None and not over.wait(SHORTLY):
            self.ends.record(key, "completed")

    def fail_if_asked(self, request, context, over):
        """Ends the call with the status that the request asks for, if it asks for one."""
        status = request.response_status
        if not request.HasField("response_status") or status.code == 0:
            return
        details = value_of(context, "x-test-details-bin")
        if details is not None:
            trailing = [(k, v) for k, v in context.trailing_metadata()]
            context.set_trailing_metadata(trailing + [("grpc-status-details-bin", details)])
        code = next(c for c in grpc.StatusCode if c.value[0] == status.code)
        self.finish(context, over)
        context.abort(code, status.message)

    def EmptyCall(self, request, context):
        over = self.begin(context)
        trailing = list(context.trailing_metadata())
        key = value_of(context, "x-test-ended")
        if key is not None:
            trailing.append(("x-test-ended", self.ends.wait(key)))
        if value_of(context, "x-test-time-left") is not None:
            left = context.time_remaining()
            # Without a deadline grpcio counts to the end of its clock.
            none = left is None or left > A_YEAR
            trailing.append(("x-test-time-left-ms", "none" if none else str(int(left * 1000))))
        context.set_trailing_metadata(trailing)
        self.finish(context, over)
        return pb.Empty()

    def UnaryCall(self, request, context):
        over = self.begin(context)
        self.fail_if_asked(request, context, over)
        if request.HasField("orca_per_query_report"):
            report = load_report(request.orca_per_query_report).SerializeToString()
            context.set_trailing_metadata([("endpoint-load-metrics-bin", report)])
        self.finish(context, over)
        server_id = "grpcio" if request.fill_server_id else ""
        return pb.SimpleResponse(payload=pb.Payload(body=bytes(request.response_size)), server_id=server_id)

    def CacheableUnaryCall(self, request, context):
        return self.UnaryCall(request, context)

    def StreamingOutputCall(self, request, context):
        over = self.begin(context)
        yield from self.replies(request, context, over)
        self.finish(context, over)

    def StreamingInputCall(self, requests, context):
        over = self.begin(context)
        total = sum(len(request.payload.body) for request in requests)
        self.finish(context, over)
        return pb.StreamingInputCallResponse(aggregated_payload_size=total)

    def FullDuplexCall(self, requests, context):
        over = self.begin(context)
        for request in requests:
            if request.HasField("orca_oob_report"):
                self.load.report = load_report(request.orca_oob_report)
            yield from self.replies(request, context, over)
        self.finish(context, over)

    def HalfDuplexCall(self, requests, context):
        over = self.begin(context)
        for request in list(requests):
            yield from self.replies(request, context, over)
        self.finish(context, over)

    def replies(self, request, context, over):
        self.fail_if_asked(request, context, over)
        for parameters in request.response_parameters:
            if over.wait(parameters.interval_us / 1e6):
                return
            yield pb.StreamingOutputCallResponse(payload=pb.Payload(body=bytes(parameters.size)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--for", dest="seconds", type=float, default=600, help="ends by itself after this time")
    parser.add_argument("--use_tls", default="false", choices=["true", "false"])
    parser.add_argument("--tls_cert_file", help="PEM")
    parser.add_argument("--tls_key_file", help="PEM")
    args = parser.parse_args()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64))
    load = OpenRcaService()
    rpc.add_TestServiceServicer_to_server(TestService(load), server)
    orca_service_pb2_grpc.add_OpenRcaServiceServicer_to_server(load, server)
    if args.use_tls == "true":
        with open(args.tls_key_file, "rb") as key, open(args.tls_cert_file, "rb") as certificate:
            credentials = grpc.ssl_server_credentials([(key.read(), certificate.read())])
        port = server.add_secure_port("127.0.0.1:0", credentials)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    server.wait_for_termination(timeout=args.seconds)
    server.stop(grace=None)


if __name__ == "__main__":
    main()
