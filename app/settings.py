"""Every knob, from the environment: ``COMMUNITY_REPORTING_…``, or a ``.env`` file beside the checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.transcription.weights import BASE, name_of

GIB = 1024**3


class Settings(BaseSettings):
    """What an operator can change; each has a default that works on one machine."""

    model_config = SettingsConfigDict(env_prefix="COMMUNITY_REPORTING_", env_file=".env", extra="ignore")

    data: Path = Field(Path("data"), description="Folder for the database, objects and working files.")
    cache: Path | None = Field(None, description="Folder for weights and lemma tables; default DATA/cache.")
    database_url: str | None = Field(None, description="SQLAlchemy URL; default SQLite in DATA.")
    workflow_database_url: str | None = Field(None, description="Where durable work is kept; default beside.")

    s3_endpoint: str | None = Field(None, description="host:port of an S3; default the embedded SeaweedFS.")
    s3_access_key: SecretStr | None = Field(None, description="Of that S3.")
    s3_secret_key: SecretStr | None = Field(None, description="Of that S3.")
    s3_bucket: str = Field("community-reporting", description="Made at the start if it is not there.")
    s3_secure: bool = Field(True, description="Reach it by HTTPS.")
    s3_region: str | None = Field(None, description="Where it signs by region; default us-east-1.")

    host: str = Field("127.0.0.1", description="The address to listen on; 0.0.0.0 for all.")
    port: int = Field(8000, description="The port to listen on.")
    public_url: str | None = Field(
        None, description="How people reach it, for links; default http://host:port."
    )
    trusted_proxies: str = Field(
        "127.0.0.1", description="Addresses whose X-Forwarded-* headers are believed."
    )
    hsts_subdomains: bool = Field(
        False,
        description="Where people reach it by https: other names below its own are by https alone, too.",
    )
    require_second_factor: bool = Field(
        False,
        description="Curators and administrators must set one up before they do anything else on pages.",
    )
    secure_cookies: bool | None = Field(None, description="Default: when people reach it by https.")

    max_upload_bytes: int = Field(4 * GIB, gt=0, description="One recording at most (413).")
    max_parallel_uploads: int = Field(4, gt=0, description="By one person at the same time.")
    daily_upload_bytes: int = Field(50 * GIB, gt=0, description="By one person in 24 hours.")
    daily_pilot_upload_bytes: int = Field(
        500 * GIB, gt=0, description="To one pilot in 24 hours, by all who send to it."
    )
    max_unfinished_uploads: int = Field(
        100, gt=0, description="Resumable uploads that one person may have begun and not finished."
    )
    upload_days: int = Field(
        7, gt=0, description="A resumable upload that nobody goes on with for so long is forgotten."
    )
    upload_origins: str = Field(
        "",
        description="Other sites whose pages may send recordings here with a key, such as "
        "https://stories.example.org; comma between.",
    )
    min_free_bytes: int = Field(2 * GIB, ge=0, description="Below it uploads are refused (507).")
    max_recording_seconds: int = Field(4 * 3600, gt=0, description="A longer one is refused.")

    erasure_deadline_hours: int = Field(
        24,
        gt=0,
        description="Within it nothing of an erased story is left in files, of the database and objects.",
    )
    upgrade_without_copy: bool = Field(
        False, description="Migrate without copying the database first: you have backed it up yourself."
    )

    backups: Path | None = Field(
        None, description="Where `backup` writes; default DATA/backups. Better on another disk."
    )
    backup_key: Path | None = Field(
        None, description="File with the key of backups, made by `backup-key`; default DATA/backup-key."
    )
    backup_days: int = Field(
        30,
        gt=0,
        description="How long a backup is kept. Tellers are told: what they took back is in it so long.",
    )
    tombstones: Path | None = Field(
        None, description="A second place for what was withdrawn; default DATA/tombstones. Better elsewhere."
    )
    journal_key: Path | None = Field(
        None, description="File with the key that signs the journal's head; default DATA/journal-key."
    )

    smtp_host: str | None = Field(
        None, description="A mail server for notices; None: nothing is sent by mail."
    )
    smtp_port: int = Field(587, gt=0, lt=65536, description="Its port.")
    smtp_tls: Literal["starttls", "implicit", "none"] = Field(
        "starttls", description="How the way there is protected: starttls, implicit, or none."
    )
    smtp_user: str | None = Field(None, description="Who signs in there; None: nobody.")
    smtp_password: SecretStr | None = Field(None, description="Of that user.")
    smtp_from: str = Field("community-reporting@localhost", description="The sender's address.")

    metrics_token: SecretStr | None = Field(
        None, description="Who sends it as a Bearer token may read `/metrics`; None: nobody may."
    )

    webhook_allowed_hosts: str = Field(
        "",
        description="Hosts in your own network that webhooks may reach, by HTTP and on any port too; comma between.",
    )

    workers: int = Field(1, ge=0, description="1: `serve` works too; 0: only `worker` processes do.")
    engine: str = Field("faster-whisper", description="faster-whisper or openai-whisper.")
    weights: str | None = Field(None, description="A folder, or a name such as small or large-v3-turbo.")
    weights_offered: str = Field(
        "", description="Other weights that a pilot can be given: folders or names; comma between."
    )
    threads: int = Field(2, gt=0, description="Processor threads of the recogniser and the encoder.")

    @property
    def cache_folder(self) -> Path:
        return (self.cache or self.data / "cache").resolve()

    @property
    def own_weights(self) -> str:
        """What the weights are called by which stories are heard whose pilots were given no others."""
        return name_of(Path(self.weights)) if self.weights else BASE

    @property
    def offered_weights(self) -> dict[str, str]:
        """Weights that pilots can be given: what they are called, and where they are found."""
        return {name_of(Path(each)): each for each in _listed(self.weights_offered)}

    @property
    def webhook_hosts(self) -> frozenset[str]:
        """The hosts that webhooks may reach wherever they are."""
        return frozenset(each.lower() for each in _listed(self.webhook_allowed_hosts))

    @property
    def allowed_upload_origins(self) -> frozenset[str]:
        """The origins of other sites whose pages may send recordings here."""
        return frozenset(each.rstrip("/").lower() for each in _listed(self.upload_origins))

    @property
    def uploads_folder(self) -> Path:
        """Where the tails of resumable uploads lie until they are in the object store."""
        return self.data.resolve() / "uploads"

    @property
    def copies_folder(self) -> Path:
        """Where the database is copied to before it is migrated."""
        return self.data.resolve() / "before-upgrade"

    @property
    def backups_folder(self) -> Path:
        return (self.backups or self.data / "backups").resolve()

    @property
    def backup_key_file(self) -> Path:
        return (self.backup_key or self.data / "backup-key").resolve()

    @property
    def tombstones_folder(self) -> Path:
        """Where it is written, beside the database, which stories were withdrawn."""
        return (self.tombstones or self.data / "tombstones").resolve()

    @property
    def journal_key_file(self) -> Path:
        return (self.journal_key or self.data / "journal-key").resolve()

    @property
    def sql_url(self) -> str:
        return self.database_url or f"sqlite:///{(self.data / 'community-reporting.sqlite').resolve()}"

    @property
    def workflow_url(self) -> str:
        """SQLite keeps durable work in a file of its own; PostgreSQL in a schema of its own."""
        if self.workflow_database_url:
            return self.workflow_database_url
        if self.sql_url.startswith("sqlite"):
            return f"sqlite:///{(self.data / 'workflows.sqlite').resolve()}"
        return self.sql_url

    @property
    def base_url(self) -> str:
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def cookies_are_secure(self) -> bool:
        return self.base_url.startswith("https:") if self.secure_cookies is None else self.secure_cookies


def _listed(written: str) -> list[str]:
    """What stands between the commas, as it was written: folders' names have their own letters."""
    return [each for part in written.split(",") if (each := part.strip())]
