CREATE TABLE "clients" (
	"client_id" text PRIMARY KEY NOT NULL,
	"registration" json NOT NULL,
	"secret_hash" text,
	"previous_secret_hash" text,
	"previous_secret_until" bigint,
	"disabled_at" bigint,
	"is_revoking" boolean DEFAULT false NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" bigint NOT NULL,
	"updated_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE INDEX "outbox_dead_idx" ON "outbox" USING btree ("dead_at","id") WHERE dead_at is not null;