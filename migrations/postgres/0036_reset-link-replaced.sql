ALTER TABLE "reset_links" ADD COLUMN "replaced_hash" text;--> statement-breakpoint
CREATE INDEX "reset_links_replaced_idx" ON "reset_links" USING btree ("replaced_hash");