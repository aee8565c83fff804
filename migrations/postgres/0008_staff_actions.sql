ALTER TABLE "first_passwords" ADD COLUMN "kind" text DEFAULT 'first' NOT NULL;--> statement-breakpoint
ALTER TABLE "persons" ADD COLUMN "staff_version" integer DEFAULT 1 NOT NULL;