DROP INDEX `enrolments_number_idx`;--> statement-breakpoint
CREATE INDEX `enrolments_school_idx` ON `enrolments` (`school_code`,`student_id`);--> statement-breakpoint
CREATE INDEX `enrolments_number_idx` ON `enrolments` (`student_number`,`school_code`);--> statement-breakpoint
ALTER TABLE `persons` ADD `name_search` text DEFAULT '' NOT NULL;--> statement-breakpoint
CREATE INDEX `persons_name_search_idx` ON `persons` (`name_search`,`id`);--> statement-breakpoint
CREATE INDEX `audit_subject_idx` ON `audit` (`subject_id`,`seq`);--> statement-breakpoint
-- By hand: the search form of existing names, as searchableName computes it for names without accents.
UPDATE `persons` SET `name_search` = lower(replace(replace(replace(`name`, ' ', ''), '·', ''), '-', ''));
