"""Questions of ours, answers with a planted rule (right where most key words of the reference are there)."""

import numpy as np
import pandas as pd

QUESTIONS = [
    {
        "question_id": "ice",
        "kind": "short_answer",
        "language": "en",
        "stem": "Why does ice float on a lake?",
        "key": "Ice is less dense than liquid water because its molecules are held farther apart.",
        "wrong": "The wind pushes it up from below.",
    },
    {
        "question_id": "thunder",
        "kind": "short_answer",
        "language": "en",
        "stem": "Why do we see lightning before we hear thunder?",
        "key": "Light travels through the air much faster than sound does, so it reaches us first.",
        "wrong": "The clouds are closer to our eyes.",
    },
    {
        "question_id": "plants",
        "kind": "short_answer",
        "language": "en",
        "stem": "How do plants make their food?",
        "key": "They use the energy of sunlight to turn carbon dioxide and water into sugar.",
        "wrong": "They eat small animals in the soil.",
    },
    {
        "question_id": "bulbs",
        "kind": "short_answer",
        "language": "en",
        "stem": "What happens to the others when one bulb of a parallel circuit burns out?",
        "key": "The other lamps stay lit because each of them has its own path to the battery.",
        "wrong": "All of them go dark at once.",
    },
    {
        "question_id": "fotosintesis",
        "kind": "short_answer",
        "language": "es",
        "stem": "¿Por qué flota el hielo en el lago?",
        "key": "El hielo es menos denso que el agua líquida porque sus moléculas están más separadas.",
        "wrong": "El viento lo empuja hacia arriba.",
    },
]
_SOUNDS = ["ba", "ko", "li", "mu", "ne", "ra", "so", "ti", "vu", "ze", "pa", "dro", "fel", "gan", "hin"]


def planted(
    n_questions: int = 14, n_answers: int = 14, seed: int = 0, other_way: float = 0.0
) -> pd.DataFrame:
    """Graded answers in made-up words: right with five of the reference's six key words or more, wrong with
    two or fewer; the rest of an answer are words of no meaning, and words of the question.

    other_way: share of the right answers that say it in six other words, which no reference has, and of the
    wrong ones that share six words of a common mistake: only earlier marks can tell these two apart.
    """
    generator = np.random.default_rng(seed)

    def word() -> str:
        return "".join(generator.choice(_SOUNDS, 3))

    rows = []
    for number in range(n_questions):
        key, asked, noise, other, mistake = ([word() for _ in range(n)] for n in (6, 5, 12, 6, 6))
        for _ in range(n_answers):
            right = bool(generator.random() < 0.45)
            own = generator.random() < other_way
            said_in = (other if right else mistake) if own else key
            kept = generator.choice(
                said_in, generator.integers(5, 7) if right or own else generator.integers(0, 3), False
            )
            # as long as any other: length says nothing
            others = generator.choice([*noise, *asked], generator.integers(9, 12) - len(kept), False)
            said = generator.permutation([*kept, *others])
            rows.append(
                {
                    "question_id": f"q{number}",
                    "question": f"why is it that {' '.join(asked)}?",
                    "references": [f"because {' of the '.join(key)}"],
                    "answer": " the ".join(said),
                    "correct": float(right),
                }
            )
    return pd.DataFrame(rows)
