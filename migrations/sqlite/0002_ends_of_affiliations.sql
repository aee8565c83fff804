CREATE INDEX `enrolments_end_idx` ON `enrolments` (`valid_to`,`id`);--> statement-breakpoint
CREATE INDEX `memberships_end_idx` ON `memberships` (`valid_to`,`id`);