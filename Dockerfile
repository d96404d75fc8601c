# syntax=docker/dockerfile:1
#
#   docker build -t tocsin .
#   docker run -v tocsin-state:/var/lib/tocsin -v ./tocsin.toml:/etc/tocsin/tocsin.toml:ro \
#       -p 25:25 -p 465:465 -p 587:587 -p 8025:8025 tocsin
#
# In the configuration the console must listen on more than the container's own
# loopback: [listen.console] addresses = ["0.0.0.0:8025"]. Calls need the host's
# network (--network host) or the SIP and RTP ports published one to one.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin tocsin \
    && install -D -m 0755 target/release/tocsin /out/tocsin

FROM debian:bookworm-slim
# ca-certificates: roots for our own connections. espeak-ng: the voice of calls.
# Versions follow the base image's release, which gets security updates.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates espeak-ng \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 995 tocsin \
    && useradd --system --uid 995 --gid tocsin --home-dir /var/lib/tocsin \
        --no-create-home --shell /usr/sbin/nologin tocsin \
    && install -d -m 0700 -o tocsin -g tocsin /var/lib/tocsin \
    && install -d -m 0755 /etc/tocsin
COPY --from=build /out/tocsin /usr/bin/tocsin
COPY config/tocsin.toml /etc/tocsin/tocsin.toml

# Docker lets a user without capabilities bind any port of the container
# (net.ipv4.ip_unprivileged_port_start=0), so nothing here runs as root.
USER 995:995
VOLUME ["/var/lib/tocsin"]
EXPOSE 25 465 587 8025 5060/udp
STOPSIGNAL SIGTERM
# `docker stop --time 60` leaves room for server.drain_timeout.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/usr/bin/tocsin", "healthcheck", "--config", "/etc/tocsin/tocsin.toml"]
ENTRYPOINT ["/usr/bin/tocsin"]
CMD ["serve", "--config", "/etc/tocsin/tocsin.toml"]
