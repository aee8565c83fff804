-- No release has filled the table, so it is created again.
DROP TABLE "register_entries";--> statement-breakpoint
CREATE TABLE "register_entries" (
	"student_lookup" text NOT NULL,
	"guardian_lookup" text NOT NULL,
	"name_mac" text NOT NULL,
	"relation_mac" text NOT NULL,
	"imported_at" bigint NOT NULL,
	CONSTRAINT "register_entries_pk" PRIMARY KEY("student_lookup","guardian_lookup")
);
