"""What an operator writes into the environment, as the service reads it."""

from __future__ import annotations

from app.settings import Settings


def test_lists_keep_the_letters_of_folders_and_none_of_hosts() -> None:
    settings = Settings(
        _env_file=None,
        weights_offered="/srv/Models/Small, large-v3-turbo ,",
        webhook_allowed_hosts="Inside.Example.ORG,",
        upload_origins="https://Stories.Example.org/",
    )
    assert list(settings.offered_weights.values()) == ["/srv/Models/Small", "large-v3-turbo"]
    assert settings.webhook_hosts == {"inside.example.org"}
    assert settings.allowed_upload_origins == {"https://stories.example.org"}
