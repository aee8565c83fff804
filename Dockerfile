# One stage: Node runs TypeScript directly, without a build.
FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /srv/kinpass
COPY package.json package-lock.json .npmrc ./
# The image contains Node 24, so the optional Node packages are omitted.
RUN npm ci --omit=dev && npm cache clean --force && rm -rf node_modules/node-linux-*
COPY bin bin
COPY config config
COPY migrations migrations
COPY public public
COPY src src
COPY views views
USER node
EXPOSE 3000 9090
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD node -e "fetch('http://127.0.0.1:3000/health/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"
CMD ["node", "--disable-sigusr1", "--max-semi-space-size=8", "--max-old-space-size=256", "bin/kinpass.js", "start"]
