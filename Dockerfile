# Node runs TypeScript directly, so there is no build: the first stage only installs packages.
FROM node:24-trixie-slim AS packages
WORKDIR /srv/kinpass
COPY package.json package-lock.json .npmrc ./
# The image contains Node 24, so the optional Node packages are omitted.
RUN npm ci --omit=dev && rm -rf node_modules/node-linux-*

FROM node:24-trixie-slim
# pg_dump and pg_restore for backups. They must not be older than the server: Debian 13 has version 17. For a newer server take the packages
# of apt.postgresql.org. Nothing runs npm in this image.
RUN apt-get update \
  && apt-get install -y --no-install-recommends postgresql-client \
  && rm -rf /var/lib/apt/lists/* /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn-* \
  && install -d -o node -g node -m 700 /var/lib/kinpass /var/cache/kinpass
WORKDIR /srv/kinpass
COPY --from=packages /srv/kinpass/node_modules node_modules
COPY package.json ./
COPY bin bin
COPY config config
COPY migrations migrations
COPY public public
COPY src src
COPY views views
USER node
ENV NODE_ENV=production \
  NODE_COMPILE_CACHE=/var/cache/kinpass \
  KINPASS_HOST=0.0.0.0 \
  KINPASS_DATABASE_FILE=/var/lib/kinpass/kinpass.sqlite
# Compiles the program once, so that a read-only container starts quickly and its hash threads stay small.
RUN node --disable-sigusr1 --max-semi-space-size=8 --max-old-space-size=256 --input-type=module -e \
  "for (const file of ['main', 'cli/kinpass', 'platform/hashing/password-strength', 'platform/hashing/password-hasher-worker']) await import('/srv/kinpass/src/' + file + '.ts')"
# The SQLite file, archives of the audit log and backups.
VOLUME /var/lib/kinpass
EXPOSE 3000 9090
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.KINPASS_PORT || 3000) + '/health/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--disable-sigusr1", "--max-semi-space-size=8", "--max-old-space-size=256", "bin/kinpass.js", "start"]
