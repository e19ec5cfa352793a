"""A survey by keys: several questions, an answer that makes no sense is asked again, the results as JSON.

    ringline dev
    python examples/survey.py

Call the number it prints, then look at the results:

    curl 127.0.0.1:3000/results
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, jsonify, request

PATIENCE = 2
"How often a question is asked before it is skipped."


@dataclass(frozen=True)
class Question:
    """A question that is answered with one key."""

    name: str
    text: str
    keys: str


QUESTIONS = (
    Question("service", "How was our service, from 1, poor, to 5, very good?", "12345"),
    Question("again", "Would you come again? Press 1 for yes, 2 for no.", "12"),
    Question("age", "How old are you? Press 1 if under thirty, 2 if under sixty, 3 if older.", "123"),
)


def create_app(questions: tuple[Question, ...] = QUESTIONS) -> Flask:
    """Make the application. What was asked, and how often, stands in the URL of the answer."""
    app = Flask(__name__)
    answers: dict[str, dict[str, str]] = {}

    @app.get("/answer")
    def answer() -> Response:
        answers[request.args["uuid"]] = {"caller": request.args.get("from", "")}
        return jsonify(ask(0, 1, f"Thank you for taking part. We have {len(questions)} questions. "))

    @app.post("/key")
    def key() -> Response:
        number, times = int(request.args["question"]), int(request.args["times"])
        webhook = request.get_json()
        pressed = webhook["dtmf"]["digits"] or ""
        question = questions[number]
        if len(pressed) == 1 and pressed in question.keys:
            answers[webhook["uuid"]][question.name] = pressed
        elif times < PATIENCE:
            return jsonify(ask(number, times + 1, "I did not get that. "))
        if number + 1 < len(questions):
            return jsonify(ask(number + 1, 1))
        return jsonify([{"action": "talk", "text": "That was all. Thank you, goodbye."}])

    @app.get("/results")
    def results() -> Response:
        counts = {one.name: dict.fromkeys(one.keys, 0) for one in questions}
        for given in answers.values():
            for name, pressed in given.items():
                if name in counts:
                    counts[name][pressed] += 1
        return jsonify({"calls": list(answers.values()), "counts": counts})

    @app.post("/event")
    def event() -> tuple[str, int]:
        app.logger.info("%s", request.get_json())
        return "", 204

    def ask(number: int, times: int, before: str = "") -> list[dict[str, Any]]:
        return [
            {"action": "talk", "text": before + questions[number].text, "bargeIn": True},
            {
                "action": "input",
                "type": ["dtmf"],
                "dtmf": {"maxDigits": 1, "timeOut": 6},
                "eventUrl": [f"{request.host_url}key?question={number}&times={times}"],
            },
        ]

    return app


if __name__ == "__main__":
    import workbench

    workbench.run("survey", "442079460014", lambda client, number: create_app())
