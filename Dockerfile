# Stage 1 compiles a static program (models and demo batch are inside it), stage 2 is that program and nothing else: no
# shell, no C library, a user without rights. See docs/docker.md.
#
# Base images are arguments, so that a machine without a registry can bring its own.
ARG BUILD_IMAGE=docker.io/library/rust:1.95-slim-trixie
ARG RUNTIME_IMAGE=scratch

FROM ${BUILD_IMAGE} AS build
# a program that is already built, in the context under this name; empty to compile
ARG PREBUILT=
WORKDIR /build
# the brackets make the last one optional
COPY Cargo.toml Cargo.lock build.rs aml-miner.prebuil[t] ./
COPY src src
COPY benches benches
COPY tests tests
COPY models models
COPY fixtures fixtures
RUN set -e; \
    if [ -n "$PREBUILT" ]; then cp "$PREBUILT" aml-miner; else \
        target=$(rustc -vV | sed -n 's/^host: //p'); \
        RUSTFLAGS='-C target-feature=+crt-static -C strip=symbols' \
            cargo build --release --locked --bin aml-miner --target "$target"; \
        cp "target/$target/release/aml-miner" aml-miner; \
    fi; \
    mkdir -p image/usr/local/bin image/etc image/tmp image/data; \
    cp aml-miner image/usr/local/bin/aml-miner; chmod 755 image/usr/local/bin/aml-miner; chmod 1777 image/tmp; \
    echo 'aml-miner:x:10001:10001:aml-miner:/data:/nonexistent' >image/etc/passwd; \
    echo 'aml-miner:x:10001:' >image/etc/group; \
    mv image/data data

FROM ${RUNTIME_IMAGE}
COPY --from=build /build/image /
COPY --from=build --chown=10001:10001 /build/data /data
USER 10001:10001
WORKDIR /data
ENV API_HOST=0.0.0.0 API_PORT=8000 AML_MINER_LOG_FORMAT=json
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s --retries=3 \
    CMD ["/usr/local/bin/aml-miner", "health", "--quiet"]
ENTRYPOINT ["/usr/local/bin/aml-miner"]
CMD ["serve"]
