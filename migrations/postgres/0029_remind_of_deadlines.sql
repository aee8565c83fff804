ALTER TABLE "outbox" ADD COLUMN "recipient_mac" text;--> statement-breakpoint
ALTER TABLE "subject_requests" ADD COLUMN "reminded_at" bigint;--> statement-breakpoint
CREATE INDEX "outbox_recipient_idx" ON "outbox" USING btree ("recipient_mac") WHERE recipient_mac is not null;