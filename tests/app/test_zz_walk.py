import pytest, re
from tests.app.conftest import forms_of
from models.roles import Role
from models.stories import Story, Part
from models.consent import Use
from sqlalchemy import select
from tests.app.conftest import Rooms, rooms, cheap_passwords, logs_as_served
from tests.plugins.stories import *

def go(b, path, **given):
    page = b.get(path); assert page.status_code == 200, (path, page.status_code, page.headers.get('location'), page.text[:500])
    (form,) = forms_of(page.text, path)
    r = b.post(path, data=form.filled(**given)); assert r.status_code == 303, r.text
    return r.headers['location']

def test_walk(rooms):
    sender = rooms.field.account(Role.FACILITATOR, rooms.field.pilot())
    b = rooms.browser(sender)
    print(b.get('/stories/new').text[:100])
    at = b.post('/stories/new').headers['location']
    answers = dict(title=dict(title='The bench'), language=dict(language='pl'), purpose=dict(purpose='both'), teller=dict(teller_is='other', teller='my neighbour'),
      guardian=dict(has_guardian='no'), told={}, warning={}, agree=dict(manner='form'), uses={'use-curation':'yes'}, appearance=dict(appearance='named'), name=dict(shown_name='Ewa'), contact={})
    n=0
    while not at.endswith('check'):
        step = at.rsplit('/',1)[1]
        print(at)
        if step == 'others':
            n+=1
            at = go(b, at, more='yes' if n<3 else 'no')
        elif step == 'person':
            at = go(b, at, person=f'p{n}', part='seen')
        else:
            at = go(b, at, **answers[step])
    page = b.get(at); print(re.sub(r'<[^>]+>|\s+',' ',page.text))
    r = b.post(at); print(r.headers)
    at = r.headers['location']
    for p in (at, at.replace('/recording','/sent'), at.replace('/recording',''), '/stories', '/', '/leave', '/sign-in', '/nowhere'):
        page = b.get(p); print('-----', p, page.status_code); print(re.sub(r'<[^>]+>|\s+',' ',page.text)[300:1800])
    with rooms.database.read() as s:
        story = s.scalars(select(Story)).one(); pid = story.people[0].id; sid=story.id
    for p in (f'/stories/{sid}/people/{pid}/consent?said=spoken', f'/stories/{sid}/people/{pid}/receipt', f'/stories/{sid}/people/{pid}/link', f'/stories/{sid}/withdraw'):
        page = b.get(p); print('-----', p, page.status_code); print(re.sub(r'<[^>]+>|\s+',' ',page.text)[300:1800])
    page = b.post(f'/stories/{sid}/people/{pid}/receipt'); print(page.status_code, re.sub(r'<[^>]+>|\s+',' ',page.text)[300:1800])
    page = b.post(f'/stories/{sid}/people/{pid}/link', data={'language':'pl'}); print(page.status_code)
    r = b.get('/stories/new/aloud/pl', headers={'range':'bytes=0-9'}); print(r.status_code, r.headers)
