"""Charts, drawn once by ECharts without a browser, and used in the report, the page and files."""
