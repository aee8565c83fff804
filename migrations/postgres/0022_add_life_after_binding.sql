ALTER TABLE "binding_applications" ADD COLUMN "report_opened_at" bigint;--> statement-breakpoint
ALTER TABLE "guardianships" ADD COLUMN "is_consent_awaited" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "guardianships" ADD COLUMN "end_requested_at" bigint;--> statement-breakpoint
ALTER TABLE "guardianships" ADD COLUMN "end_request_sealed" text;--> statement-breakpoint
ALTER TABLE "persons" ADD COLUMN "adult_notice_at" bigint;--> statement-breakpoint
CREATE INDEX "binding_applications_report_idx" ON "binding_applications" USING btree ("report_opened_at","id") WHERE report_opened_at is not null;--> statement-breakpoint
CREATE INDEX "guardianships_end_requested_idx" ON "guardianships" USING btree ("end_requested_at","id") WHERE end_requested_at is not null;