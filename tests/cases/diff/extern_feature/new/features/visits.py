"""How often somebody comes, for a life as long."""


def visits_a_year(visits: int, age: int) -> float | None:
    return 2 * visits / age if age else None
