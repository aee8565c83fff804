#!/bin/sh
# Generates the next migration for both databases from src/store/schema: npm run migrations:generate -- add_proofs
set -eu

name=${1:?'name the migration: npm run migrations:generate -- add_proofs'}
for engine in sqlite postgres; do
  drizzle-kit generate --config "drizzle.$engine.config.ts" --name "$name"
done
