from tests.app.uploads.sending import MIB, Room, some_bytes


def test_small(room: Room) -> None:
    data = some_bytes(3000)
    where = room.begun(3000)
    assert room.offset(where) == 0
    a = room.patch(where, 0, data[:1000])
    assert (a.status, a.headers["upload-offset"]) == (204, "1000"), a
    assert room.offset(where) == 1000
    a = room.patch(where, 1000, data[1000:])
    assert (a.status, a.headers["upload-offset"]) == (204, "3000"), a
    room.assert_kept(data)
    assert room.spooled() == []


def test_large(room: Room) -> None:
    data = some_bytes(30 * MIB + 5)
    where = room.begun(len(data))
    a = room.patch(where, 0, data[: 20 * MIB])
    assert (a.status, a.headers["upload-offset"]) == (204, str(20 * MIB)), a
    a = room.patch(where, 20 * MIB, data[20 * MIB :])
    assert (a.status) == (204), a
    room.assert_kept(data)
