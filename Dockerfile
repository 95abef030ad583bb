# One static binary on nothing at all. It runs with a read-only root, as any user, without capabilities:
#   docker run --read-only --cap-drop ALL -e DJANGO_SECRET_KEY -e DATABASE_URL -e SIDECAR_LISTEN=0.0.0.0:8100 …
# `demo` makes its database in /tmp, and wants one: add --tmpfs /tmp.
# The compiler runs on the machine that builds, and makes the binary of any other: docker buildx build --platform linux/amd64,linux/arm64
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
# The modules are a layer of their own, so that a changed source file does not fetch them again.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
ARG COMMIT=unknown
ARG TARGETOS
ARG TARGETARCH
# The same sources, version and compiler give the same bytes.
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -buildvcs=false -trimpath -ldflags "-s -w -X main.version=$VERSION -X main.commit=$COMMIT" \
    -o /django-sidecar ./cmd/django-sidecar

FROM scratch
LABEL org.opencontainers.image.title="django-sidecar" \
      org.opencontainers.image.description="Django's verdict on a session, beside Django" \
      org.opencontainers.image.licenses="MIT"
# For TLS to the database; sslrootcert=system finds them here. Time zones are in the binary.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /django-sidecar /django-sidecar
# Numbers, because there is no /etc/passwd, and because Kubernetes' runAsNonRoot cannot judge a name.
USER 65532:65532
# Public and admin. Both listeners are on loopback until SIDECAR_LISTEN and SIDECAR_ADMIN_LISTEN say otherwise.
EXPOSE 8100 8101
HEALTHCHECK --interval=10s --timeout=6s --start-period=5s CMD ["/django-sidecar", "healthcheck"]
ENTRYPOINT ["/django-sidecar"]
CMD ["serve"]
