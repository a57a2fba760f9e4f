FROM node:24.20.0-trixie-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
COPY verifier/package.json verifier/
# No install script runs: argon2 and better-sqlite3 ship their binaries, and `prepare` is for development.
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:24.20.0-trixie-slim
LABEL org.opencontainers.image.title="Gatehouse" \
      org.opencontainers.image.description="A self-hosted authentication service" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    AUTH_DATA_DIR=/data
# A named volume takes owner and mode from here.
RUN install --directory --owner=node --group=node --mode=0700 /data
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules/
COPY package.json check-node.js gatehouse app.ts core.ts cli.ts server.ts settings.ts ./
COPY commands commands/
COPY domain domain/
COPY plugins plugins/
COPY routes routes/
COPY schemas schemas/
COPY store store/
COPY verifier verifier/
COPY deploy/compose/health.js deploy/compose/secrets.ts deploy/compose/
USER node
EXPOSE 3000
STOPSIGNAL SIGTERM
# Long, for a migration of a large database: the first probe that succeeds ends it.
HEALTHCHECK --interval=5s --timeout=3s --start-period=10m --retries=3 \
  CMD ["node", "deploy/compose/health.js"]
# No shell between: signals reach Node.
CMD ["node", "server.ts"]
