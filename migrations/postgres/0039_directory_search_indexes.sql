ALTER TABLE "identifiers" ALTER COLUMN "value" SET DATA TYPE text collate "C";--> statement-breakpoint
CREATE INDEX "persons_updated_idx" ON "persons" USING btree ("updated_at","id");--> statement-breakpoint
CREATE INDEX "persons_created_idx" ON "persons" USING btree ("created_at","id");