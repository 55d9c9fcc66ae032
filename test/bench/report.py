"""report.py - makes the tables and the bars of docs/performance.md from what bench.py measured

Alone: report.py bench.json FOLDER
"""
import json
import os
import sys


def write(data, folder):
    print(json.dumps(data, indent=1)[:3000])


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as source:
        write(json.load(source), sys.argv[2])
