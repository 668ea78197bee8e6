"""LangChain's RedisCache: answers of models by prompt and model, without a prefix."""

from hashlib import md5

from langchain_community.cache import RedisCache
from langchain_core.outputs import Generation
from redis_keys_of import client_of, expiry_of, others

MODEL = "[('model', 'gpt'), ('temperature', 0.0)]"
PROMPTS = [f"What is {number}?" for number in range(8)]
ENDLESS = ["For ever?", "Для плитки?"]
_keys = {md5((prompt + MODEL).encode()).hexdigest(): prompt for prompt in PROMPTS + ENDLESS}
_open = {}


def open(url):
    _open["cache"] = RedisCache(client_of(url), ttl=3600)


def make(url):
    open(url)
    others(client_of(url))
    endless = RedisCache(client_of(url))
    for prompt in PROMPTS:
        _open["cache"].update(prompt, MODEL, [Generation(text=f"It is what it is: {prompt}")])
    for prompt in ENDLESS:
        endless.update(prompt, MODEL, [Generation(text=text) for text in ("one", "two")])
    return {"location": url, "options": {}}


def truth(url):
    client = client_of(url)
    return [{"key": key, "expires": expiry_of(client, key)} for key in _keys if client.exists(key)]


def holds(key):
    return _open["cache"].lookup(_keys[key], MODEL) is not None


def complaints():
    return []


def rewrite(key):
    answers = [Generation(text="another, longer answer " * 30), Generation(text="and one more")]
    _open["cache"].update(_keys[key], MODEL, answers)


def delete(key):
    _open["cache"].redis.delete(key)
