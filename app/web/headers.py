"""The headers that every answer carries."""

from __future__ import annotations

from app.settings import Settings

# Nothing is fetched from elsewhere and no script stands in a page (OWASP ASVS 5.0, V3.4).
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": under it a browser sends "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
}
# For what people sent, and what was made of it: whatever it turns out to be, a browser runs nothing of it and no cache
# keeps it (OWASP ASVS 5.0, V3.2, V14.3).
SANDBOXED = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-store",
}
# For pages whose address carries a token: not even our own proxy's log learns the address from the next request.
ADDRESS_IS_SECRET = {"Referrer-Policy": "strict-origin"}
# For a page that others may show within theirs; it has no button that does anything here.
EMBEDDABLE = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'", "frame-ancestors *"),
    "Cross-Origin-Resource-Policy": "cross-origin",
}
# For pages that play what was just recorded, before it is sent: a script names it by an address of its own.
PLAYS_WHAT_IT_RECORDS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY.replace("media-src 'self'", "media-src 'self' blob:")
}
A_YEAR_SECONDS = 365 * 24 * 3600


def https_alone(settings: Settings) -> dict[str, str]:
    """For a service that people reach by https: browsers come back in no other way (RFC 6797)."""
    if not settings.base_url.startswith("https:"):
        return {}
    below = "; includeSubDomains" if settings.hsts_subdomains else ""
    return {"Strict-Transport-Security": f"max-age={A_YEAR_SECONDS}{below}"}
