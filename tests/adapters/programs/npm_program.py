"""Uses cacache, the library below npm's cache, as npm brings it along; npm itself needs a network to fill one."""

import json
import shutil
import subprocess
from pathlib import Path

_MAIN = """
const cacache = require(process.argv[1]);
const calls = JSON.parse(require('fs').readFileSync(0, 'utf8'));
(async () => {
  const answers = [];
  for (const [name, cache, key, value, options] of calls) {
    if (name === 'put') answers.push(String(await cacache.put(cache, key, Buffer.from(value), options)));
    if (name === 'gone') answers.push(await cacache.rm.entry(cache, key));
    if (name === 'gone fully') answers.push(await cacache.rm.entry(cache, key, { removeFully: true }));
    if (name === 'ls') answers.push(Object.keys(await cacache.ls(cache)));
    if (name === 'info') answers.push(await cacache.get.info(cache, key));
    if (name === 'verify') answers.push(await cacache.verify(cache));
    if (name === 'get') answers.push((await cacache.get(cache, key)).data.toString());
  }
  console.log(JSON.stringify(answers));
})();
"""
KEYS = [
    "make-fetch-happen:request-cache:https://registry.example.org/left-pad",
    "<b>& quotes\"'",
    "line\nbreak\ttab",
    "emoji 🦊\x00",
    *(f"pacote:tarball:file:{number}.tgz" for number in range(8)),
]
_held = {"length": 3}


def library():
    """The folder of cacache in npm's own, "" where npm is not installed."""
    npm = shutil.which("npm") if shutil.which("node") else None
    place = Path(npm).resolve().parent.parent / "node_modules" / "cacache" if npm else Path()
    return str(place) if (place / "package.json").is_file() else ""


def _run(*calls):
    command = ["node", "-e", _MAIN, library()]
    ended = subprocess.run(command, input=json.dumps(calls), capture_output=True, text=True, timeout=40, check=True)
    return json.loads(ended.stdout)


def make(folder):
    cache = folder + "/npm/_cacache"
    response = {"url": "https://registry.example.org/left-pad", "status": 200, "resHeaders": {"etag": "x"}}
    calls = [
        ["put", cache, key, f"content {key}", {"metadata": response if number == 0 else None}]
        for number, key in enumerate(KEYS)
    ]
    gone = [["put", cache, "gone", "x", {}], ["gone", cache, "gone"], ["put", cache, KEYS[1], "again", {}]]
    _run(*calls, *gone)
    return {"location": "npm"}


def truth(location):
    return [{"key": key, "expires": "unknown"} for key in _run(["ls", location + "/_cacache"])[0]]


def open(location):
    _held["cache"] = location + "/_cacache"


def holds(key):
    return _run(["info", _held["cache"], key])[0] is not None


def complaints():
    listed = _run(["ls", _held["cache"]])[0]
    found = _run(*(["info", _held["cache"], key] for key in KEYS))
    held = [key for key, info in zip(KEYS, found, strict=True) if info]
    return [] if sorted(listed) == sorted(held) else [f"{listed} listed, {held} found"]


def verify(location):
    return _run(["verify", location + "/_cacache"])[0]


def get(key):
    return _run(["get", _held["cache"], key])[0]


def rewrite(key):
    _held["length"] += 50
    _run(["put", _held["cache"], key, "y" * _held["length"], {}])


def delete(key):
    _run(["gone", _held["cache"], key])
