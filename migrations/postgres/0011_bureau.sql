CREATE TABLE "settings" (
	"key" text PRIMARY KEY NOT NULL,
	"value" json NOT NULL,
	"updated_at" bigint NOT NULL,
	"updated_by" text NOT NULL
);
--> statement-breakpoint
ALTER TABLE "reset_links" ADD COLUMN "verifies_email" text;--> statement-breakpoint
ALTER TABLE "schools" ADD COLUMN "closed_at" bigint;