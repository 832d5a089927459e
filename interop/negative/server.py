"""An HTTP/2 server that behaves as gRPC's negative tests of clients want it (grpc/doc/http2-interop-test-descriptions.md).

    python server.py --test_case NAME

Answers every UnaryCall with 314159 bytes, and around that does what the case is named for. Prints "listening on HOST:PORT";
when the last connection has ended, or after --for SECONDS, prints "verdict: ..." and exits, 1 when the client was wrong.
"""

import argparse
import socket
import struct
import sys
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings

import test_pb2 as pb

RESPONSE = pb.SimpleResponse(payload=pb.Payload(body=bytes(314159))).SerializeToString()
MESSAGE = struct.pack(">BI", 0, len(RESPONSE)) + RESPONSE
HEADERS = [(":status", "200"), ("content-type", "application/grpc")]
TRAILERS = [("grpc-status", "0")]


class Connection:
    """One connection of the client."""

    def __init__(self, socket, case, number):
        self.socket, self.case, self.number = socket, case, number
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.sending = {}
        self.pings = self.acks = self.streams = 0
        self.open = set()
        self.most_open = 0
        self.wrong = []

    def run(self):
        if self.case == "max_streams":
            self.h2.local_settings = h2.settings.Settings(
                client=False, initial_values={h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 1}
            )
        self.h2.initiate_connection()
        self.flush()
        while data := self.socket.recv(65536):
            for event in self.h2.receive_data(data):
                self.on(event)
            self.pump()
            self.flush()
        self.socket.close()

    def on(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.streams += 1
            self.open.add(event.stream_id)
            self.most_open = max(self.most_open, len(self.open))
            self.ping()
        elif isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            self.ping()
        elif isinstance(event, h2.events.StreamEnded):
            self.answer(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.sending.pop(event.stream_id, None)
            self.open.discard(event.stream_id)
        elif isinstance(event, h2.events.PingAckReceived):
            self.acks += 1

    def answer(self, stream):
        self.h2.send_headers(stream, HEADERS)
        self.ping()
        if self.case == "rst_after_header":
            self.reset(stream)
        elif self.case == "rst_during_data":
            self.sending[stream] = MESSAGE[: len(MESSAGE) // 2]
        else:
            self.sending[stream] = MESSAGE

    def pump(self):
        """Sends what the windows allow."""
        for stream, rest in list(self.sending.items()):
            while rest and (room := min(self.h2.local_flow_control_window(stream), 16384)) > 0:
                self.h2.send_data(stream, rest[:room])
                rest = rest[room:]
                self.ping()
            self.sending[stream] = rest
            if not rest:
                del self.sending[stream]
                self.end(stream)

    def end(self, stream):
        if self.case in ("rst_during_data", "rst_after_data"):
            self.reset(stream)
            return
        self.h2.send_headers(stream, TRAILERS, end_stream=True)
        self.open.discard(stream)
        if self.case == "goaway" and self.number == 0:
            self.h2.close_connection(last_stream_id=stream)

    def reset(self, stream):
        self.h2.reset_stream(stream, h2.errors.ErrorCodes.NO_ERROR)
        self.open.discard(stream)

    def ping(self):
        if self.case == "ping":
            self.h2.ping(struct.pack(">Q", self.pings))
            self.pings += 1
        self.flush()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())


def verdict(case, connections):
    """What the client did wrong, or None."""
    if not any(c.streams for c in connections):
        return "no call came"
    if case == "goaway" and len([c for c in connections if c.streams]) != 2:
        return "the second call did not come on a second connection"
    if case == "ping" and any(c.acks != c.pings for c in connections):
        return f"pings and acks: {[(c.pings, c.acks) for c in connections]}"
    if case == "max_streams" and any(c.most_open > 1 for c in connections):
        return f"{max(c.most_open for c in connections)} streams at once"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cases = ["goaway", "rst_after_header", "rst_during_data", "rst_after_data", "ping", "max_streams"]
    parser.add_argument("--test_case", required=True, choices=cases)
    parser.add_argument("--for", dest="seconds", type=float, default=60, help="ends by itself after this time")
    args = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(args.seconds)
    print(f"listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    connections, threads = [], []
    while True:
        try:
            accepted, _ = listener.accept()
        except TimeoutError:
            if any(thread.is_alive() for thread in threads):
                continue
            break
        # The next connection may come a while after the last one has ended.
        listener.settimeout(2 if args.test_case == "goaway" else 0.2)
        connections.append(Connection(accepted, args.test_case, len(connections)))
        threads.append(threading.Thread(target=connections[-1].run, daemon=True))
        threads[-1].start()
    wrong = verdict(args.test_case, connections)
    print(f"verdict: {wrong or 'ok'}", flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
