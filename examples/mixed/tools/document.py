"""Prints the routes as a Markdown table. Usage: document.py routes.json"""

import json
import sys

import six  # from requirements.txt: shows that the virtual environment is in use

with open(sys.argv[1], encoding="utf-8") as file:
    routes = json.load(file)

print("| method | path | answer |\n|---|---|---|")
for route in routes:
    print("| " + " | ".join(six.ensure_str(route[key]) for key in ("method", "path", "answer")) + " |")
