from models.roles import Role
from models.stories import Part, Story
from tests.plugins.browser import PHONE, WIDE
from tests.plugins.stories import Field
from tests.web.test_sending import answer_questions
import os

OUT = "/tmp/lead/h/shots-r"
os.makedirs(OUT, exist_ok=True)


def test_shots(visit, served):
    field = Field(served.parts.database)
    fac = field.account(Role.FACILITATOR, field.pilot())
    story = field.story(by=fac, with_recording=True, others=[Part.SEEN])
    waiting = field.story(by=fac, consented_to=None, others=[Part.HEARD])
    pid = story.people[0].id
    for name, screen in (("phone", PHONE), ("wide", WIDE)):
        page = visit(served, fac, viewport=screen).new_page()

        def shot(label, path=None, lang=""):
            if path:
                page.goto(path + (f"?lang={lang}" if lang else ""))
            page.screenshot(path=f"{OUT}/{name}-{label}.png", full_page=True)

        shot("home", "/")
        shot("before", "/stories/new", "el")
        page.goto("/stories/new?lang=en")
        page.get_by_role("button", name="Start now").click()
        shot("title")
        page.get_by_role("button", name="Continue").click()
        shot("title-wrong")
        page.goto("/stories/new")
        page.get_by_role("button", name="Start again").click() if page.get_by_role(
            "button", name="Start again"
        ).count() else None
        page.goto("/stories/new")
        answer_questions(page, "The bench")
        shot("check")
        for step in ("uses", "agree", "others", "appearance", "language", "teller"):
            shot(step, f"/stories/new/{step}")
        shot("uses-hu", "/stories/new/uses", "hu")
        page.goto("/?lang=en")
        shot("story", f"/stories/{story.id}")
        shot("mine", "/stories")
        shot("sent", f"/stories/{waiting.id}/sent")
        shot("recording", f"/stories/{waiting.id}/recording")
        shot("consent", f"/stories/{story.id}/people/{pid}/consent")
        shot("receipt-before", f"/stories/{story.id}/people/{pid}/receipt")
        page.get_by_role("button", name="Show my receipt").click()
        shot("receipt")
        shot("leave", "/leave")
        shot("nowhere", "/nowhere", "fi")
        page.goto("/?lang=en")
        page.get_by_role("button", name="Start kiosk mode").click()
        shot("kiosk")
