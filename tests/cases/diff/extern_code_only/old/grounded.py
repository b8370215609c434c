def score(reply, expected):
    return 1.0 if expected in reply else 0.0
