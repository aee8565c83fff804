ALTER TABLE "clients" ADD COLUMN "directory_secret_hash" text;--> statement-breakpoint
ALTER TABLE "clients" ADD COLUMN "previous_directory_secret_hash" text;--> statement-breakpoint
ALTER TABLE "clients" ADD COLUMN "previous_directory_secret_until" bigint;