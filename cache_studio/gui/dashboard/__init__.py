"""The Dashboard tab: figures and charts of one cache, live and as they were."""
