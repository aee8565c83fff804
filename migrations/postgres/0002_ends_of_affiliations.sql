CREATE INDEX "enrolments_end_idx" ON "enrolments" USING btree ("valid_to","id");--> statement-breakpoint
CREATE INDEX "memberships_end_idx" ON "memberships" USING btree ("valid_to","id");