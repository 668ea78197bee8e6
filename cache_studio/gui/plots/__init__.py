"""Charts over pyqtgraph, which is imported nowhere else: import this package only when a chart is to be shown."""
