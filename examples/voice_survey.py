"""A survey by voice: questions are answered by speaking or with a key, and what was not understood is asked again.

    ringline dev
    python examples/voice_survey.py

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
    """A question, and what may be answered: the first answer has key 1."""

    name: str
    text: str
    answers: tuple[str, ...]


QUESTIONS = (
    Question("service", "How was our service: excellent, acceptable, or poor?", ("excellent", "acceptable", "poor")),
    Question("again", "Would you come again? Please say yes or no.", ("yes", "no")),
)


def create_app(questions: tuple[Question, ...] = QUESTIONS) -> Flask:
    """Make the application. What was asked, and how often, stands in the URL of the answer."""
    app = Flask(__name__)
    given: dict[str, dict[str, str]] = {}

    @app.get("/answer")
    def answer() -> Response:
        given[request.args["uuid"]] = {"caller": request.args.get("from", "")}
        return jsonify(ask(0, 1, "Thank you for taking part. "))

    @app.post("/heard")
    def heard() -> Response:
        number, times = int(request.args["question"]), int(request.args["times"])
        webhook = request.get_json()
        question = questions[number]
        found = understood(question, webhook)
        if found is not None:
            given[webhook["uuid"]][question.name] = found
        elif times < PATIENCE:
            return jsonify(ask(number, times + 1, "I did not get that. "))
        if number + 1 < len(questions):
            return jsonify(ask(number + 1, 1))
        return jsonify([{"action": "talk", "text": "That was all. Thank you, goodbye."}])

    @app.get("/results")
    def results() -> Response:
        return jsonify(list(given.values()))

    @app.post("/event")
    def event() -> tuple[str, int]:
        app.logger.info("%s", request.get_json())
        return "", 204

    def understood(question: Question, webhook: dict[str, Any]) -> str | None:
        """The answer in a webhook: what was said, or else the key."""
        for result in webhook["speech"]["results"]:
            if result["text"].lower() in question.answers:
                return str(result["text"].lower())
        pressed = webhook["dtmf"]["digits"] or ""
        place = int(pressed) - 1 if pressed.isdecimal() else -1
        return question.answers[place] if 0 <= place < len(question.answers) else None

    def ask(number: int, times: int, before: str = "") -> list[dict[str, Any]]:
        question = questions[number]
        return [
            {"action": "talk", "text": before + question.text, "bargeIn": True},
            {
                "action": "input",
                "type": ["speech", "dtmf"],
                "speech": {"context": list(question.answers), "endOnSilence": 0.8, "startTimeout": 5},
                "dtmf": {"maxDigits": 1},
                "eventUrl": [f"{request.url_root}heard?question={number}&times={times}"],
            },
        ]

    return app


if __name__ == "__main__":
    import workbench

    workbench.run("survey by voice", "442079460017", lambda client, number: create_app())
