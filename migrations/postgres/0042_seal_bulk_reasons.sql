ALTER TABLE "bulk_runs" ADD COLUMN "reason_sealed" text;--> statement-breakpoint
-- By hand: a finished run does not need its reason, which is in the audit log.
UPDATE "bulk_runs" SET "reason" = '' WHERE "finished_at" IS NOT NULL;
