CREATE INDEX `persons_updated_idx` ON `persons` (`updated_at`,`id`);--> statement-breakpoint
CREATE INDEX `persons_created_idx` ON `persons` (`created_at`,`id`);