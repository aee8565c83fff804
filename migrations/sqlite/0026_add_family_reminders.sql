CREATE TABLE `answer_counts` (
	`school_code` text PRIMARY KEY NOT NULL,
	`bound` integer NOT NULL,
	`waiting` integer NOT NULL,
	`returned` integer NOT NULL,
	`refused` integer NOT NULL,
	`none` integer NOT NULL,
	`counted_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `family_reminders` (
	`student_id` text PRIMARY KEY NOT NULL,
	`reminded_at` integer NOT NULL,
	FOREIGN KEY (`student_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade
);
