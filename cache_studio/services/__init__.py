"""The use cases both faces call: attach, browse, act, monitor, discover."""
