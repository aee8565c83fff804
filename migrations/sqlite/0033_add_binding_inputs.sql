CREATE TABLE `binding_inputs` (
	`application_id` text NOT NULL,
	`step` text NOT NULL,
	`payload_sealed` text NOT NULL,
	PRIMARY KEY(`application_id`, `step`),
	FOREIGN KEY (`application_id`) REFERENCES `binding_applications`(`id`) ON UPDATE no action ON DELETE cascade
);
