# Stage 1 compiles, stage 2 runs: the program alone (models and demo batch are inside it) as a user without rights.
FROM rust:1.95-slim-trixie AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock build.rs ./
COPY src src
COPY benches benches
COPY models models
COPY fixtures fixtures
RUN cargo build --release --locked --bin aml-miner

FROM debian:trixie-slim
RUN useradd --system --uid 10001 --no-create-home aml-miner
COPY --from=build /build/target/release/aml-miner /usr/local/bin/aml-miner
USER aml-miner
WORKDIR /data
ENV API_HOST=0.0.0.0 API_PORT=8000 AML_MINER_LOG_FORMAT=json
EXPOSE 8000
STOPSIGNAL SIGTERM
# bash is part of Debian's base image; curl is not
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/$API_PORT && printf 'GET /health HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q '\"healthy\"' <&3"]
ENTRYPOINT ["aml-miner"]
CMD ["serve"]
