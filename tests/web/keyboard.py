"""A walk through a page by the Tab key: everything is reached, in the order that it is read, and seen when it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

# A player and the parts of a date are several stops in one element.
MOST_STOPS_IN_ONE = 14


def walk(tab: Tab, *, with_outlines: bool = False) -> list[str]:
    """What is wrong with it.

    :param with_outlines: where colours are forced, backgrounds and shadows are not drawn: a ring has to be there
    """
    names = tab.evaluate("looking.beginAtStart()")
    found: list[str] = []
    reached: list[int] = []
    stays = 0
    while True:
        tab.keyboard.press("Tab")
        here = tab.evaluate("looking.here()")
        if here is None or (reached and reached[0] == here["place"] != reached[-1]):
            break
        place, name = here["place"], here["name"]
        if place < 0:
            found.append(f"Tab stops at {name}, which is no stop")
        elif reached and place < reached[-1]:
            found.append(f"Tab goes back from {names[reached[-1]]} to {name}")
        stays = stays + 1 if reached and reached[-1] == place else 0
        if stays > MOST_STOPS_IN_ONE or len(reached) > len(names) * MOST_STOPS_IN_ONE:
            found.append(f"Tab does not leave {name}")
            break
        if not stays:
            found += [] if here["isMarked"] else [f"focus is not seen at {name}"]
            found += [] if here["isInView"] else [f"focus is out of view at {name}"]
            if with_outlines and not here["isOutlined"]:
                found.append(f"focus has no outline at {name}")
        reached.append(place)
    found += [f"Tab does not reach {name}" for place, name in enumerate(names) if place not in reached]
    return found
