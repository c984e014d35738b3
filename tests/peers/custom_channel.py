"""The integrator's side of the custom channel, written from the channel's public documents with
nothing but Python's standard library.

Messages come by POST /message with `Authorization: Bearer TOKEN`, are kept, and are answered with
{"mId": ...}. A text `fail-400` is refused, a text `fail-500` answered 500 once. It prints
{"url": ...}; each line of input is a question: {"sent": true} gives what came, and {"push": URL,
"body": {...}, "token": ...} posts events to a webhook, as the integrator does, and gives its answer.
"""

import http.server
import json
import sys
import threading
import urllib.error
import urllib.request

TOKEN = sys.argv[1]
sent = []
failed = set()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path != "/message":
            return self.answer(404, {"error": {"message": "there is only /message"}})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.answer(401, {"error": {"message": "the token is wrong"}})
        request = json.loads(body)
        text = request["message"].get("text")
        if text == "fail-400":
            return self.answer(400, {"error": {"message": "no such user"}})
        if text == "fail-500" and text not in failed:
            failed.add(text)
            return self.answer(500, {"error": {"message": "come back later"}})
        sent.append(request)
        return self.answer(200, {"mId": f"mid-{len(sent)}"})

    def log_message(self, *_):
        pass


def push(url, body, token):
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method="POST")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return {"status": answer.status, "body": answer.read().decode()}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "body": error.read().decode()}


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"url": f"http://127.0.0.1:{server.server_address[1]}/message"}), flush=True)
for line in sys.stdin:
    question = json.loads(line)
    if "push" in question:
        print(json.dumps(push(question["push"], question["body"], question.get("token"))), flush=True)
    else:
        print(json.dumps(sent), flush=True)
